/** Edge weights of the normalised sums, computed one way everywhere so that one device and many agree to the bit. */
import type { NeighbourBlock, Normaliser } from './GraphContext.js';

/**
 * Weight of every edge u→v of a block: 1 / inDegree(v) for `'mean'`, 1 / √(outDegree(u) · inDegree(v)) for `'gcn'`,
 * computed in float64, rounded once to float32 `[numEdges]`.
 *
 * @param inDegree - of each owned row, self-loop included; in the whole graph for exact training
 * @param outDegree - of each source row, likewise
 */
export function normalisedWeights(
  block: NeighbourBlock,
  norm: Normaliser,
  inDegree: ArrayLike<number>,
  outDegree: ArrayLike<number>,
): Float32Array {
  const { indptr, indices } = block;
  const weights = new Float32Array(indices.length);
  for (let v = 0; v + 1 < indptr.length; v++) {
    const into = inDegree[v]!;
    for (let e = indptr[v]!; e < indptr[v + 1]!; e++) {
      weights[e] = norm === 'mean' ? 1 / into : 1 / Math.sqrt(outDegree[indices[e]!]! * into);
    }
  }
  return weights;
}
