/**
 * How likely a mini-batch reads each vertex, for caches that are filled once.
 *
 * Kaler et al.: "Communication-efficient graph neural networks with probabilistic neighborhood expansion analysis and
 * caching" (SALIENT++), MLSys 2023, arXiv:2305.03152.
 */
import type { CsrGraph } from '@strata-ml/graph';

/** What {@link inclusionScores} takes besides the message graph. */
export interface InclusionOptions {
  /** Training vertices that batches are drawn from. */
  readonly seeds: Int32Array;
  /** How many of them a batch has. */
  readonly batchSize: number;
  /** In-neighbours drawn per vertex h hops from the seeds, h = 0 first. */
  readonly fanouts: readonly number[];
  /** uint8 `[n]`; 0 leaves a vertex out. */
  readonly include?: Uint8Array;
}

/**
 * 1 − Π_h (1 − p_h(u)), with p_0 = batch / seeds on seeds and p_h(u) = 1 − Π_{v: u→v} (1 − min(1, f_h / deg v) · p_{h−1}(v)):
 * hops and neighbours are taken as independent. O(hops · edges).
 *
 * @returns float64 `[n]`
 */
export function inclusionScores(
  { indptr, indices, numVertices }: CsrGraph,
  { seeds, batchSize, fanouts, include }: InclusionOptions,
): Float64Array {
  let p = new Float64Array(numVertices);
  for (const v of seeds) p[v] = Math.min(1, batchSize / seeds.length);
  const none = p.map((value) => 1 - value);
  for (const fanout of fanouts) {
    const miss = new Float64Array(numVertices).fill(1);
    for (let v = 0; v < numVertices; v++) {
      if (p[v] === 0) continue;
      const reads = 1 - Math.min(1, fanout / (indptr[v + 1]! - indptr[v]!)) * p[v]!;
      for (let e = indptr[v]!; e < indptr[v + 1]!; e++) {
        if (include?.[indices[e]!] !== 0) miss[indices[e]!]! *= reads;
      }
    }
    p = miss.map((value) => 1 - value);
    for (let v = 0; v < numVertices; v++) none[v]! *= miss[v]!;
  }
  return none.map((value) => 1 - value);
}
