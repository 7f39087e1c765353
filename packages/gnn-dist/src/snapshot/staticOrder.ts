/** Which lists a static cache keeps. */
import type { AdjacencyStore } from './AdjacencyStore.js';
import type { ResolvedSnapshotOptions } from './snapshotOptions.js';

/** Vertices of one read while probabilities are propagated. */
const PART = 65_536;

/** Vertices by decreasing use of a byte, until their lists fill the budget. */
export function chooseStatic(store: AdjacencyStore, options: ResolvedSnapshotOptions): Int32Array {
  const { numVertices } = store;
  const { order, budgetBytes } = options;
  const value =
    order === 'degree'
      ? Float64Array.from({ length: numVertices }, (_, v) => store.storedDegree(v))
      : expectedReads(store, options).map((reads, v) => reads / Math.max(1, store.storedDegree(v)));
  const sorted = Int32Array.from(value.keys()).sort((a, b) => value[b]! - value[a]! || a - b);
  const chosen: number[] = [];
  let bytes = 0;
  for (const v of sorted) {
    const size = 4 * store.storedDegree(v);
    if (size === 0 || bytes + size > budgetBytes) continue;
    bytes += size;
    chosen.push(v);
  }
  return Int32Array.from(chosen);
}

/**
 * Expected number of layers of a call that read the list of each vertex, float64 `[n]`.
 *
 * Seeds are drawn uniformly; a vertex is in the next layer's frontier unless no reader of it is there and draws it:
 * p'(u) = 1 − (1 − p(u)) · Π₍u→v₎ (1 − p(v) · min(1, f ∕ deg v)). Kaler et al.: "Communication-efficient graph neural networks
 * with probabilistic neighborhood expansion analysis and caching" (SALIENT++), MLSys 2023, arXiv:2305.03152.
 */
export function expectedReads(
  store: AdjacencyStore,
  { fanouts, trainVertices, batchSize }: Pick<ResolvedSnapshotOptions, 'fanouts' | 'trainVertices' | 'batchSize'>,
): Float64Array {
  const n = store.numVertices;
  const seeds = trainVertices ?? Int32Array.from({ length: n }, (_, v) => v);
  let probability = new Float64Array(n);
  for (const v of seeds) probability[v] = Math.min(1, batchSize / seeds.length);
  const reads = new Float64Array(n);
  for (let layer = fanouts.length - 1; layer >= 0; layer--) {
    for (let v = 0; v < n; v++) reads[v]! += probability[v]!;
    if (layer === 0) break;
    const absent = probability.map((p) => 1 - p);
    for (let from = 0; from < n; from += PART) {
      const part = Int32Array.from({ length: Math.min(PART, n - from) }, (_, i) => from + i);
      const { indptr, sources } = store.readLists(part);
      part.forEach((v, i) => {
        const [begin, end] = [indptr[i]!, indptr[i + 1]!];
        const share = probability[v]! * Math.min(1, fanouts[layer]! / (end - begin));
        for (let e = begin; e < end; e++) absent[sources[e]!]! *= 1 - share;
      });
    }
    probability = absent.map((p) => 1 - p);
  }
  return reads;
}
