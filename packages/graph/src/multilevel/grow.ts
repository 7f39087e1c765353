/**
 * Two parts of a small graph: one grows from a random vertex, always by the vertex that costs least (greedy graph
 * growing, Karypis, Kumar, SISC 1998).
 */
import type { Sequence } from '../generate/Sequence.js';
import { GainBuckets } from './GainBuckets.js';
import { type LevelGraph, totalWeights } from './LevelGraph.js';
import { type PartLimits, PartState } from './PartState.js';
import { rebalance, refine } from './refine.js';

/** How many starts are tried; the best is kept. */
const TRIALS = 10;

/** The best of 10 grown and refined bisections. Cost: O(10 · arcs) for a graph that fits in the cache. */
export function growBisection(g: LevelGraph, limits: PartLimits, random: Sequence): Int32Array {
  let best: PartState | undefined;
  for (let trial = 0; trial < TRIALS; trial++) {
    const state = grow(g, limits, random);
    rebalance(state);
    refine(state, random);
    if (!best || rank(state) < rank(best) || (rank(state) === rank(best) && state.cut < best.cut)) best = state;
  }
  return best!.partOf;
}

/** Parts above their cap: fewer is better than any cut. */
function rank(state: PartState): number {
  return Number(state.isOverloaded(0)) + Number(state.isOverloaded(1));
}

function grow(g: LevelGraph, limits: PartLimits, random: Sequence): PartState {
  const { n, constraints } = g;
  const state = new PartState(g, new Int32Array(n).fill(1), limits);
  const goals = totalWeights(g).map((total) => total * limits.shares[0]!);
  let largest = 0;
  for (let v = 0; v < n; v++) if (state.internal[v]! > largest) largest = state.internal[v]!;
  const frontier = new GainBuckets(n, largest);
  const requeue = (u: number) => {
    if (state.partOf[u] === 1) frontier.set(u, state.bestGain(u));
  };
  const isFull = () => {
    for (let c = 0; c < constraints; c++) if (state.loads[c]! >= goals[c]!) return true;
    return false;
  };
  for (let left = n; left > 0 && !isFull(); left--) {
    let v = frontier.pop();
    if (v === -1) {
      // A new start, also where a component is used up.
      v = random.below(n);
      while (state.partOf[v] === 0) v = (v + 1) % n;
    }
    state.move(v, 0, requeue);
  }
  return state;
}
