/**
 * Spinner: synchronous label propagation with soft balance in edges; a baseline that needs nothing but rows and labels.
 *
 * Martella, Logothetis, Loukas, Siganos: "Spinner: Scalable Graph Partitioning in the Cloud", ICDE 2017, arXiv:1404.3861.
 * Defaults as in the authors' okapi. Neighbours in either direction weigh the same: `partition` symmetrises first.
 */
import { AbortedError, type Rng } from '@strata-ml/core';
import type { CsrGraph } from '../csr/CsrGraph.js';
import { Sequence } from '../generate/Sequence.js';
import type { ResolvedPartitionOptions } from './options.js';
import type { Targets } from './Targets.js';

/** Capacity of a part over its share of the edges. */
const SLACK = 1.05;
/** Weight of balance against locality, λ. */
const BALANCE_WEIGHT = 1;
/** The score must grow by this fraction within {@link WINDOW} iterations. */
const PROGRESS = 0.001;
const WINDOW = 5;
const MOST_ITERATIONS = 290;

/** Parts of the vertices of a symmetric graph; `partOf` is overwritten. Sizes in vertices are left to the caller. */
export function spinnerParts(
  g: CsrGraph,
  { shares }: Targets,
  { signal, onProgress }: Pick<ResolvedPartitionOptions, 'signal' | 'onProgress'>,
  rng: Rng,
  partOf: Int32Array,
): void {
  const { numVertices: n, indptr, indices } = g;
  const parts = shares.length;
  const random = new Sequence(rng.split('spinner'));
  const capacities = shares.map((share) => SLACK * Math.max(1, indices.length) * share);
  const loads = new Float64Array(parts);
  for (let v = 0; v < n; v++) {
    partOf[v] = random.below(parts);
    loads[partOf[v]!]! += indptr[v + 1]! - indptr[v]!;
  }
  const wanted = new Int32Array(n);
  const counts = new Int32Array(parts);
  const touched = new Int32Array(parts);
  let bestScore = Number.NEGATIVE_INFINITY;
  let flat = 0;
  for (let iteration = 0; iteration < MOST_ITERATIONS && flat < WINDOW; iteration++) {
    if (signal?.aborted) throw new AbortedError('partition: aborted');
    const penalties = loads.map((load, j) => (BALANCE_WEIGHT * load) / capacities[j]!);
    let lightest = 0;
    for (let j = 1; j < parts; j++) if (penalties[j]! < penalties[lightest]!) lightest = j;
    const demands = new Float64Array(parts);
    let total = 0;
    for (let v = 0; v < n; v++) {
      const begin = indptr[v]!;
      const degree = indptr[v + 1]! - begin;
      let found = 0;
      for (let e = begin; e < begin + degree; e++) {
        const j = partOf[indices[e]!]!;
        if (counts[j]!++ === 0) touched[found++] = j;
      }
      const current = partOf[v]!;
      const scoreOf = (j: number) => BALANCE_WEIGHT + (degree === 0 ? 0 : counts[j]! / degree) - penalties[j]!;
      let best = current;
      let score = scoreOf(current);
      let ties = 1;
      total += score;
      // Of the parts without a neighbour only the lightest can win.
      for (let i = -1; i < found; i++) {
        const j = i < 0 ? lightest : touched[i]!;
        const candidate = scoreOf(j);
        if (j === best || candidate < score) continue;
        // Equal to the current part: stay. Equal to another: draw lots.
        if (candidate === score && (best === current || random.below(++ties) > 0)) continue;
        if (candidate > score) ties = 1;
        best = j;
        score = candidate;
      }
      wanted[v] = best;
      if (best !== current) demands[best]! += degree;
      for (let i = 0; i < found; i++) counts[touched[i]!] = 0;
    }
    for (let v = 0; v < n; v++) {
      const from = partOf[v]!;
      const to = wanted[v]!;
      if (to === from) continue;
      const room = capacities[to]! - loads[to]!;
      const degree = indptr[v + 1]! - indptr[v]!;
      // A vertex without edges weighs nothing and may always go.
      if (degree > 0 && (room <= 0 || random.uniform() >= room / demands[to]!)) continue;
      partOf[v] = to;
      wanted[v] = from;
    }
    // Loads change together, after all have decided: the iteration is synchronous.
    loads.fill(0);
    for (let v = 0; v < n; v++) loads[partOf[v]!]! += indptr[v + 1]! - indptr[v]!;
    const isBetter = total > bestScore + PROGRESS * Math.abs(bestScore) || iteration === 0;
    flat = isBetter ? 0 : flat + 1;
    bestScore = Math.max(bestScore, total);
    onProgress?.({ placed: Math.floor((n * (iteration + 1)) / MOST_ITERATIONS), total: n });
  }
  onProgress?.({ placed: n, total: n });
}
