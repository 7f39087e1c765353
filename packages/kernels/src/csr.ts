/** Compressed sparse rows: the form of every sparse matrix here, its check and its transpose. */
import { OptionError, ShapeError } from './errors.js';

/** A sparse `[rows, cols]` matrix in compressed sparse rows. Columns of a row may be in any order and may repeat. */
export interface Csr {
  /** Number of rows. */
  readonly rows: number;
  /** Number of columns. */
  readonly cols: number;
  /** Row r holds entries `[indptr[r], indptr[r + 1])`. int32 `[rows + 1]`, from 0, never falling. */
  readonly indptr: Int32Array;
  /** Column of each entry. int32 `[nnz]`, in `[0, cols)`. */
  readonly indices: Int32Array;
  /** Value of each entry, float32 `[nnz]`; absent: all are 1. */
  readonly values?: Float32Array;
}

/** Throws unless the arrays fit together: kernels trust them. O(rows + nnz). */
export function checkCsr(where: string, { rows, cols, indptr, indices, values }: Csr): void {
  const nnz = indices.length;
  for (const [name, count] of [
    ['rows', rows],
    ['cols', cols],
  ] as const) {
    if (!Number.isInteger(count) || count < 0) throw new OptionError(where, name, count, 'an integer ≥ 0');
  }
  if (indptr.length !== rows + 1) throw new ShapeError(where, 'indptr', [indptr.length], `[rows + 1] = [${rows + 1}]`);
  if (values && values.length !== nnz) throw new ShapeError(where, 'values', [values.length], `[nnz] = [${nnz}]`);
  if (indptr[0] !== 0) throw new OptionError(where, 'indptr[0]', indptr[0], '0');
  if (indptr[rows] !== nnz)
    throw new OptionError(where, `indptr[${rows}]`, indptr[rows], `the number of entries ${nnz}`);
  for (let r = 0; r < rows; r++) {
    if (indptr[r + 1]! < indptr[r]!) {
      throw new OptionError(where, `indptr[${r + 1}]`, indptr[r + 1], `at least indptr[${r}] = ${indptr[r]}`);
    }
  }
  for (let e = 0; e < nnz; e++) {
    // One unsigned comparison catches negative numbers as well.
    if (indices[e]! >>> 0 >= cols) throw new OptionError(where, `indices[${e}]`, indices[e], `in [0, ${cols})`);
  }
}

/** Throws unless `indptr` divides `count` entries into rows. O(rows). */
export function checkRowPointers(where: string, indptr: Int32Array, count: number): void {
  if (indptr.length === 0) throw new ShapeError(where, 'indptr', [0], '[rows + 1]');
  if (indptr[0] !== 0) throw new OptionError(where, 'indptr[0]', indptr[0], '0');
  for (let r = 1; r < indptr.length; r++) {
    if (indptr[r]! < indptr[r - 1]!) {
      throw new OptionError(where, `indptr[${r}]`, indptr[r], `at least indptr[${r - 1}] = ${indptr[r - 1]}`);
    }
  }
  const last = indptr.length - 1;
  if (indptr[last] !== count) {
    throw new OptionError(where, `indptr[${last}]`, indptr[last], `the number of entries ${count}`);
  }
}

/**
 * Transposes a matrix, in O(rows + cols + nnz).
 *
 * Entries of a row of the result come in ascending order of the original row, and, among equal ones, in stored order;
 * so sums over them are deterministic. `permutation[p]` is the position in `csr` of the p-th entry of the result.
 *
 * @throws {@link OptionError} or {@link ShapeError} if the arrays of `csr` do not fit together.
 * @example
 * const csr = { rows: 1, cols: 2, indptr: Int32Array.of(0, 2), indices: Int32Array.of(1, 0) };
 * transposeCsr(csr).permutation; // => Int32Array [1, 0]
 */
export function transposeCsr(csr: Csr): Csr & { readonly permutation: Int32Array } {
  checkCsr('transposeCsr', csr);
  const { rows, cols, indptr, indices, values } = csr;
  const nnz = indices.length;
  const transposed = new Int32Array(cols + 1);
  for (let e = 0; e < nnz; e++) transposed[indices[e]! + 1]!++;
  for (let c = 0; c < cols; c++) transposed[c + 1]! += transposed[c]!;
  const next = transposed.slice(0, cols);
  const sources = new Int32Array(nnz);
  const permutation = new Int32Array(nnz);
  for (let r = 0; r < rows; r++) {
    for (let e = indptr[r]!, end = indptr[r + 1]!; e < end; e++) {
      const p = next[indices[e]!]!++;
      sources[p] = r;
      permutation[p] = e;
    }
  }
  const shape = { rows: cols, cols: rows, indptr: transposed, indices: sources, permutation };
  return values ? { ...shape, values: permuted(values, permutation) } : shape;
}

/** `values` in the order of `permutation`. */
export function permuted(values: Float32Array, permutation: Int32Array): Float32Array {
  const out = new Float32Array(permutation.length);
  for (let p = 0; p < out.length; p++) out[p] = values[permutation[p]!]!;
  return out;
}
