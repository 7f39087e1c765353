/** Neighbours drawn for one vertex in one layer: a pure function of the key, so every device draws alike. */
import type { Rng } from '@strata-ml/core';
import type { CsrGraph } from '@strata-ml/graph';

/**
 * Up to `fanout` in-neighbours of `v` without replacement, ascending by position in the graph's row.
 *
 * Floyd's method on the row's positions: O(fanout²) without touching the rest of the row. Hamilton, Ying, Leskovec:
 * "Inductive Representation Learning on Large Graphs", NeurIPS 2017, arXiv:1706.02216.
 *
 * @param rng - keyed by (seed, epoch, step, layer); the vertex is the counter
 */
export function drawNeighbours({ indptr, indices }: CsrGraph, v: number, fanout: number, rng: Rng): Int32Array {
  const begin = indptr[v]!;
  const degree = indptr[v + 1]! - begin;
  if (degree <= fanout) return indices.subarray(begin, begin + degree);
  const chosen = new Set<number>();
  for (let j = degree - fanout; j < degree; j++) {
    const t = rng.intAt(j + 1, j - degree + fanout, v);
    chosen.add(chosen.has(t) ? j : t);
  }
  return Int32Array.from(
    [...chosen].sort((a, b) => a - b),
    (position) => indices[begin + position]!,
  );
}
