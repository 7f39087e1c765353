/**
 * Multilevel partitioning of the METIS class: coarsen, cut the coarsest graph, refine on the way back.
 *
 * Karypis, Kumar: "A Fast and High Quality Multilevel Scheme for Partitioning Irregular Graphs", SISC 1998, and
 * "Multilevel k-way Partitioning Scheme for Irregular Graphs", JPDC 1998. More than two parts come from recursive
 * bisection of the whole graph, each bisection multilevel, and a k-way refinement at the end: on graphs with hubs this
 * cuts up to a fifth less than one k-way descent, whose coarse vertices fill the parts so that nothing can move.
 */
import type { Sequence } from '../generate/Sequence.js';
import { contract, contractionBuffer } from './contract.js';
import { growBisection } from './grow.js';
import { type LevelGraph, levelSubgraph, totalWeights } from './LevelGraph.js';
import { matchVertices } from './matching.js';
import { type PartLimits, PartState } from './PartState.js';
import { rebalance, refine } from './refine.js';

/** Coarsening ends at this many vertices … */
const COARSEST = 100;
/** … or when a level keeps more than this share of them. */
const LEAST_SHRINK = 0.95;

/** Called after each level, with the share of the work that is done; may throw to stop. */
export type LevelHook = (share: number) => void;

/**
 * Partitions `g`. Caps hold where vertex weights allow it; repair them where they must.
 *
 * Deterministic for the state of `random`. Cost: about O(arcs · levels · log parts); memory about that of all levels.
 */
export function multilevel(
  g: LevelGraph,
  limits: PartLimits,
  random: Sequence,
  onLevel: LevelHook = () => {},
): PartState {
  const parts = limits.shares.length;
  if (parts === 2) return bisect(g, limits, random, onLevel);
  const state = new PartState(g, recursiveBisection(g, limits, random, onLevel, 0, 0.9), limits);
  rebalance(state);
  refine(state, random);
  onLevel(1);
  return state;
}

/** Bisects, then each half again. `begin` and `end` are shares of the whole work. */
function recursiveBisection(
  g: LevelGraph,
  limits: PartLimits,
  random: Sequence,
  onLevel: LevelHook,
  begin: number,
  end: number,
): Int32Array {
  const parts = limits.shares.length;
  if (parts === 1) return new Int32Array(g.n);
  const depth = Math.ceil(Math.log2(parts));
  const span = end - begin;
  const first = Math.ceil(parts / 2);
  const own = parts === 2 ? limits : bisectionLimits(g, limits, first, depth);
  const sideOf = bisect(g, own, random, (share) => onLevel(begin + (share * span) / depth)).partOf;
  if (parts === 2) return sideOf;
  const partOf = new Int32Array(g.n);
  let at = begin + span / depth;
  for (const [side, from, to] of [[0, 0, first] as const, [1, first, parts] as const]) {
    const { graph, vertices } = levelSubgraph(g, sideOf, side);
    const until = at + ((end - begin - span / depth) * (to - from)) / parts;
    const local = recursiveBisection(graph, narrowed(graph, limits, from, to), random, onLevel, at, until);
    for (let i = 0; i < vertices.length; i++) partOf[vertices[i]!] = from + local[i]!;
    at = until;
  }
  return partOf;
}

function bisect(g: LevelGraph, limits: PartLimits, random: Sequence, onLevel: LevelHook): PartState {
  const heaviest = totalWeights(g).map((total) => Math.max(1, (1.5 * total) / COARSEST));
  const steps: { readonly fine: LevelGraph; readonly coarseOf: Int32Array }[] = [];
  let graph = g;
  let buffer = g.n > COARSEST ? contractionBuffer(g) : undefined;
  while (graph.n > COARSEST && buffer) {
    const coarser = contract(graph, matchVertices(graph, heaviest, random), buffer);
    if (coarser.graph.n > LEAST_SHRINK * graph.n) break;
    steps.push({ fine: graph, coarseOf: coarser.coarseOf });
    graph = coarser.graph;
    onLevel(0.5 * (1 - graph.n / g.n));
  }
  buffer = undefined;
  let state = new PartState(graph, growBisection(graph, relaxed(graph, g, limits), random), relaxed(graph, g, limits));
  for (let step = steps.pop(); step; step = steps.pop()) {
    const { fine, coarseOf } = step;
    const coarse = state.partOf;
    const partOf = coarseOf.map((c) => coarse[c]!);
    state = new PartState(fine, partOf, relaxed(fine, g, limits));
    rebalance(state);
    refine(state, random);
    onLevel(0.5 + (0.5 * fine.n) / g.n);
  }
  return state;
}

/** Limits of a coarse level of `g`: room for one more of its average vertices, or else nothing could move there. */
function relaxed(level: LevelGraph, g: LevelGraph, { shares, caps }: PartLimits): PartLimits {
  if (level.n === g.n) return { shares, caps };
  const slack = totalWeights(level).map((total) => total / level.n);
  return { shares, caps: caps.map((cap, at) => cap + slack[at % level.constraints]!) };
}

/** Limits of the two sides of a bisection; its allowance is a root of the whole, as later ones need theirs. */
function bisectionLimits(g: LevelGraph, { shares, caps }: PartLimits, first: number, depth: number): PartLimits {
  const { constraints } = g;
  const totals = totalWeights(g);
  const sideShares = new Float64Array(2);
  const sideCaps = new Float64Array(2 * constraints);
  shares.forEach((share, p) => {
    const side = p < first ? 0 : 1;
    sideShares[side]! += share;
    for (let c = 0; c < constraints; c++) sideCaps[side * constraints + c]! += caps[p * constraints + c]!;
  });
  const narrow = sideCaps.map((cap, at) => {
    const ideal = totals[at % constraints]! * sideShares[Math.floor(at / constraints)]!;
    return ideal * Math.max(1, cap / Math.max(ideal, 1e-9)) ** (1 / depth);
  });
  return { shares: sideShares, caps: narrow };
}

/** Limits of the parts from … to − 1 within their own subgraph. */
function narrowed({ constraints }: LevelGraph, { shares, caps }: PartLimits, from: number, to: number): PartLimits {
  const own = shares.slice(from, to);
  const sum = own.reduce((a, b) => a + b, 0);
  return { shares: own.map((share) => share / sum), caps: caps.slice(from * constraints, to * constraints) };
}
