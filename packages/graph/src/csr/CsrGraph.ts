/** The graph type of every Strata package: compressed rows of in-neighbours in typed arrays over shared memory. */
import { DataError, ShapeError } from '@strata-ml/core';

/**
 * A directed graph in compressed rows: row v holds the sources u of the edges u→v, ascending.
 *
 * Undirected graphs hold every edge in both directions (see `isSymmetric`). Arrays made by this package lie in
 * SharedArrayBuffers, so that ranks share one copy. At most 2³¹ − 1 stored edges.
 */
export interface CsrGraph {
  /** Vertices are 0 … numVertices − 1. */
  readonly numVertices: number;
  /** Row v is `indices[indptr[v] … indptr[v + 1] − 1]`. int32 `[n + 1]`. */
  readonly indptr: Int32Array;
  /** In-neighbours. int32 `[m]`. */
  readonly indices: Int32Array;
  /** Edge weights, float32 `[m]`; absent = all 1. */
  readonly weights?: Float32Array;
}

/** Most stored edges of a graph: row pointers are int32. */
export const MAX_EDGES = 2 ** 31 - 1;

/**
 * Throws unless the arrays of `g` form a graph: lengths agree, row pointers ascend, neighbours exist.
 *
 * Rows need not be sorted. Cost: O(n + m), allocates nothing. For graphs that were built outside this package.
 *
 * @throws {@link ShapeError} if lengths disagree.
 * @throws {@link DataError} naming the first bad row pointer or neighbour.
 */
export function checkGraph(g: CsrGraph, where = 'graph'): void {
  const { numVertices: n, indptr, indices, weights } = g;
  if (indptr.length !== n + 1) throw new ShapeError(where, 'indptr', [indptr.length], `[${n + 1}]`);
  if (indptr[0] !== 0 || indptr[n] !== indices.length) {
    throw new DataError(`${where}: indptr must run from 0 to ${indices.length}, got ${indptr[0]} to ${indptr[n]}`);
  }
  if (weights && weights.length !== indices.length) {
    throw new ShapeError(where, 'weights', [weights.length], `[${indices.length}], one per edge`);
  }
  for (let v = 0; v < n; v++) {
    if (indptr[v + 1]! < indptr[v]!) throw new DataError(`${where}: indptr must not descend, but does at row ${v}`);
  }
  for (let e = 0; e < indices.length; e++) {
    const u = indices[e]!;
    if (u < 0 || u >= n) {
      throw new DataError(`${where}: neighbour of stored edge ${e} must be in 0 … ${n - 1}, got ${u}`, { edge: e });
    }
  }
}

/** True if every row ascends strictly: sorted and without duplicates. O(n + m). */
export function hasStrictRows(g: CsrGraph): boolean {
  const { numVertices: n, indptr, indices } = g;
  for (let v = 0; v < n; v++) {
    const end = indptr[v + 1]!;
    for (let e = indptr[v]! + 1; e < end; e++) if (indices[e]! <= indices[e - 1]!) return false;
  }
  return true;
}
