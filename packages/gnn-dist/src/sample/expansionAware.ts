/**
 * Expansion-aware sampling: of the remote vertices that a server's own vertices read, keep few, and those that serve most.
 *
 * Only edges that cross the server's border make it copy vertices, so only those are sampled; every edge inside stays.
 * GraNNDis (PACT 2024, arXiv:2311.06837), EAS. The paper says that vertices with many connections to vertices not yet
 * served are favoured; our reading, `'gain'`, is greedy cover: take the candidate with most readers whose quota is open.
 */
import { OptionError, Rng } from '@strata-ml/core';
import type { CsrGraph } from '@strata-ml/graph';
import { type HopOf, hopSets } from '../server/hopSets.js';

/** How remote vertices are chosen. */
export const easSelections = ['gain', 'uniform', 'degree'] as const;
/** One of {@link easSelections}. */
export type EasSelection = (typeof easSelections)[number];

/** Options of {@link expansionAwareSample}. */
export interface EasSampleOptions {
  /** How far from the own vertices copies may be, h ≥ 0. @defaultValue `1` */
  readonly hops?: number;
  /** Remote vertices that one vertex may select, f ≥ 0, or `Infinity`. @defaultValue `15` */
  readonly fanout?: number;
  /**
   * `'gain'`: greedy cover; `'degree'`: those of highest degree; `'uniform'`: per vertex at random from all its
   * in-neighbours, as the authors' code does. @defaultValue `'gain'`
   */
  readonly select?: EasSelection;
  /** Seeds `'uniform'`. @defaultValue `1` */
  readonly seed?: number;
  /** uint8 `[n]`: vertices outside are no part of the graph. */
  readonly include?: Uint8Array;
}

/** A server's sample. */
export interface EasSample {
  /** Selected remote vertices, ascending. */
  readonly selected: Int32Array;
  /** Distance to the own vertices inside the sampled graph, −1 outside. int16 `[n]`. */
  readonly hopOf: HopOf;
  /** Own vertices with a remote in-neighbour. */
  readonly boundary: Int32Array;
  /** Remote vertices that each boundary vertex selected, in the order of `boundary`. */
  readonly served: Int32Array;
}

/**
 * Chooses which remote vertices a server copies. The training graph is the one induced on own and selected vertices.
 *
 * Cost: O(edges of the frontiers · log) for `'gain'` and `'degree'`. Deterministic.
 *
 * @param graph - message graph: row v = in-neighbours of v
 * @param inner - the server's own vertices
 * @throws {@link OptionError} if an option is out of range.
 */
export function expansionAwareSample(graph: CsrGraph, inner: Int32Array, options: EasSampleOptions = {}): EasSample {
  const { hops, fanout, select, seed, include } = resolveEasSample('expansionAwareSample', options);
  const isInner = new Uint8Array(graph.numVertices);
  for (const v of inner) isInner[v] = 1;
  const isRemote = (u: number) => isInner[u] === 0 && include?.[u] !== 0;
  const isSelected = new Uint8Array(graph.numVertices);
  const boundary = inner.filter((v) => someNeighbour(graph, v, isRemote));
  let served: Int32Array = new Int32Array(boundary.length);
  let frontier: Int32Array = boundary;
  for (let j = 1; j <= hops && frontier.length > 0; j++) {
    const choice =
      select === 'uniform'
        ? selectUniform(graph, j === 1 ? inner : frontier, isRemote, fanout, new Rng(seed).split('eas', j), include)
        : selectGreedy(graph, frontier, isRemote, fanout, select);
    if (j === 1) served = select === 'uniform' ? countsOf(choice.counts, inner, boundary) : choice.counts;
    const next: number[] = [];
    for (const u of choice.selected) {
      if (isSelected[u]) continue;
      isSelected[u] = 1;
      next.push(u);
    }
    frontier = Int32Array.from(next).sort();
  }
  const member = isInner.slice();
  const selected: number[] = [];
  for (let u = 0; u < isSelected.length; u++) {
    if (!isSelected[u]) continue;
    member[u] = 1;
    selected.push(u);
  }
  return { selected: Int32Array.from(selected), hopOf: hopSets(graph, inner, hops, member), boundary, served };
}

/** Fills in defaults. @throws {@link OptionError} naming the first option out of range. */
export function resolveEasSample(where: string, options: EasSampleOptions) {
  const { hops = 1, fanout = 15, select = 'gain', seed = 1, include } = options;
  if (!(Number.isInteger(hops) && hops >= 0)) throw new OptionError(where, 'hops', hops, 'an integer ≥ 0');
  if (!(fanout >= 0 && (Number.isInteger(fanout) || fanout === Number.POSITIVE_INFINITY))) {
    throw new OptionError(where, 'fanout', fanout, 'an integer ≥ 0, or Infinity');
  }
  if (!easSelections.includes(select)) {
    throw new OptionError(where, 'select', select, `one of ${easSelections.join(', ')}`);
  }
  return { hops, fanout, select, seed, include };
}

interface Choice {
  readonly selected: readonly number[];
  /** Selected by each frontier vertex. */
  readonly counts: Int32Array;
}

function someNeighbour({ indptr, indices }: CsrGraph, v: number, test: (u: number) => boolean): boolean {
  for (let e = indptr[v]!; e < indptr[v + 1]!; e++) if (test(indices[e]!)) return true;
  return false;
}

function countsOf(counts: Int32Array, all: Int32Array, some: Int32Array): Int32Array {
  const at = new Map(Array.from(all, (v, i) => [v, i]));
  return some.map((v) => counts[at.get(v)!]!);
}

/** Up to `fanout` of each vertex's in-neighbours without replacement; remote ones are selected. */
function selectUniform(
  { indptr, indices }: CsrGraph,
  frontier: Int32Array,
  isRemote: (u: number) => boolean,
  fanout: number,
  rng: Rng,
  include: Uint8Array | undefined,
): Choice {
  const selected: number[] = [];
  const counts = new Int32Array(frontier.length);
  frontier.forEach((v, i) => {
    const neighbours = indices.slice(indptr[v]!, indptr[v + 1]!).filter((u) => include?.[u] !== 0);
    const take = Math.min(fanout, neighbours.length);
    for (let k = 0; k < take; k++) {
      const other = k + rng.intAt(neighbours.length - k, k, v);
      const u = neighbours[other]!;
      neighbours[other] = neighbours[k]!;
      neighbours[k] = u;
      if (!isRemote(u)) continue;
      selected.push(u);
      counts[i]!++;
    }
  });
  return { selected, counts };
}

/** Candidates by falling gain (or by degree), lazily: a gain only ever falls, so a stale one is looked up again. */
function selectGreedy(
  graph: CsrGraph,
  frontier: Int32Array,
  isRemote: (u: number) => boolean,
  fanout: number,
  select: 'gain' | 'degree',
): Choice {
  const { indptr, indices } = graph;
  const readersOf = new Map<number, number[]>();
  frontier.forEach((v, i) => {
    for (let e = indptr[v]!; e < indptr[v + 1]!; e++) {
      const u = indices[e]!;
      if (!isRemote(u)) continue;
      const readers = readersOf.get(u);
      if (readers) readers.push(i);
      else readersOf.set(u, [i]);
    }
  });
  const degree = (u: number) => indptr[u + 1]! - indptr[u]!;
  const counts = new Int32Array(frontier.length);
  const selected: number[] = [];
  const take = (u: number, readers: readonly number[]) => {
    let isUseful = false;
    for (const i of readers) {
      if (counts[i]! >= fanout) continue;
      counts[i]!++;
      isUseful = true;
    }
    if (isUseful) selected.push(u);
  };
  const byDegree = (a: number, b: number) => degree(b) - degree(a) || a - b;
  if (select === 'degree') {
    for (const u of [...readersOf.keys()].sort(byDegree)) take(u, readersOf.get(u)!);
    return { selected, counts };
  }
  // One bucket per gain, largest first; a candidate whose gain fell moves down. Inside a bucket: degree, then id.
  const buckets: number[][] = [];
  for (const [u, readers] of readersOf) {
    buckets[readers.length] ??= [];
    buckets[readers.length]!.push(u);
  }
  for (let gain = buckets.length - 1; gain >= 1; gain--) {
    const bucket = buckets[gain];
    if (!bucket) continue;
    bucket.sort(byDegree);
    for (const u of bucket) {
      const readers = readersOf.get(u)!;
      let now = 0;
      for (const i of readers) if (counts[i]! < fanout) now++;
      if (now === gain) take(u, readers);
      else if (now > 0) {
        buckets[now] ??= [];
        buckets[now]!.push(u);
      }
    }
  }
  return { selected, counts };
}
