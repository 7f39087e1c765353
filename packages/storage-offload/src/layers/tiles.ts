/** The edges of a partition, divided by the partition that their sources are in. */
import { SparseOperator } from '@strata-ml/kernels';
import type { BipartiteCsr } from '../store/BipartiteCsr.js';

/** Edges from one owner's rows into a partition. */
export interface Tile {
  /** The partition of the sources. */
  readonly owner: number;
  /** Rows of the owner that are read; columns of the operator. */
  readonly columns: number;
  readonly operator: SparseOperator;
}

/** Columns of the gathered input that belong to one owner. */
export interface ColumnRange {
  readonly owner: number;
  readonly begin: number;
  readonly end: number;
}

/**
 * Divides a matrix by columns, in O(edges + rows · ranges). Entries of a row keep their order.
 *
 * @param weights - of each entry, in the order of the matrix
 * @param ranges - ascending, without gaps, all columns together
 */
export function columnTiles(csr: BipartiteCsr, weights: Float32Array, ranges: readonly ColumnRange[]): Tile[] {
  const { rows, rowPointers, columnIndices } = csr;
  const pointers = ranges.map(() => new Int32Array(rows + 1));
  for (let row = 0; row < rows; row++) {
    let t = 0;
    for (let e = rowPointers[row]!; e < rowPointers[row + 1]!; e++) {
      while (columnIndices[e]! >= ranges[t]!.end) t++;
      pointers[t]![row + 1]!++;
    }
  }
  for (const indptr of pointers) for (let row = 0; row < rows; row++) indptr[row + 1]! += indptr[row]!;
  const indices = pointers.map((indptr) => new Int32Array(indptr[rows]!));
  const values = indices.map(({ length }) => new Float32Array(length));
  const next = new Int32Array(ranges.length);
  for (let row = 0; row < rows; row++) {
    let t = 0;
    for (let e = rowPointers[row]!; e < rowPointers[row + 1]!; e++) {
      const column = columnIndices[e]!;
      while (column >= ranges[t]!.end) t++;
      const at = next[t]!++;
      indices[t]![at] = column - ranges[t]!.begin;
      values[t]![at] = weights[e]!;
    }
  }
  return ranges.map(({ owner, begin, end }, t) => {
    const columns = end - begin;
    const matrix = { rows, cols: columns, indptr: pointers[t]!, indices: indices[t]!, values: values[t]! };
    return { owner, columns, operator: new SparseOperator(matrix) };
  });
}
