/** The arithmetic of low-rank compression on plain arrays: thin products and orthonormal columns, of any width. */
import type { Rng } from '@strata-ml/core';
import { multiplyInto, orthonormalizeRows } from '@strata-ml/kernels';

const roundUp = (n: number) => Math.ceil(n / 4) * 4;

/** Standard normal numbers, float32 `[count]`. */
export function gaussian(count: number, rng: Rng): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => rng.normalAt(i));
}

/** Y·Q: Y `[rows, columns]`, Q `[columns, rank]`; gives `[rows, rank]`. */
export function timesRight(
  y: Float32Array,
  rows: number,
  columns: number,
  q: Float32Array,
  rank: number,
): Float32Array {
  return product(y, q, rows, columns, rank, false);
}

/** Yᵀ·P: Y `[rows, columns]`, P `[rows, rank]`; gives `[columns, rank]`. */
export function timesLeft(y: Float32Array, rows: number, columns: number, p: Float32Array, rank: number): Float32Array {
  return product(y, p, columns, rows, rank, true);
}

/** out `[rows, columns]` = P·Qᵀ. */
export function multiplyFactors(
  p: Float32Array,
  rows: number,
  q: Float32Array,
  columns: number,
  rank: number,
  out: Float32Array,
): void {
  const width = roundUp(columns);
  const transposed = transpose(q, columns, rank, width);
  if (width === columns) {
    multiplyInto(p, transposed, { rows, inner: rank, columns }, out);
    return;
  }
  const padded = new Float32Array(rows * width);
  multiplyInto(p, transposed, { rows, inner: rank, columns: width }, padded);
  for (let r = 0; r < rows; r++) out.set(padded.subarray(r * width, r * width + columns), r * columns);
}

/**
 * Makes the columns of `[rows, rank]` orthonormal in place. A column that depends on earlier ones, as far as float32 can tell,
 * becomes zeros.
 */
export function orthonormalizeColumns(p: Float32Array, rows: number, rank: number): void {
  const width = roundUp(rows);
  const columns = transpose(p, rows, rank, width);
  orthonormalizeRows(columns, rank, width);
  for (let c = 0; c < rank; c++) for (let r = 0; r < rows; r++) p[r * rank + c] = columns[c * width + r]!;
}

/** Fills columns of zeros with normal numbers: a direction that was once lost could never come back. */
export function refreshColumns(q: Float32Array, rows: number, rank: number, rng: Rng): void {
  for (let c = 0; c < rank; c++) {
    let isZero = true;
    for (let r = 0; r < rows && isZero; r++) isZero = q[r * rank + c] === 0;
    if (isZero) for (let r = 0; r < rows; r++) q[r * rank + c] = rng.normalAt(r, c);
  }
}

/** A·B or Aᵀ·B with a B of any width: the kernel takes multiples of four. */
function product(a: Float32Array, b: Float32Array, rows: number, inner: number, rank: number, transposeA: boolean) {
  const columns = roundUp(rank);
  const out = new Float32Array(rows * columns);
  multiplyInto(a, rewidth(b, inner, rank, columns), { rows, inner, columns, transposeA }, out);
  return rewidth(out, rows, columns, rank);
}

/** `[rows, from]` as `[rows, to]`: rows are cut off, or filled up with zeros. */
function rewidth(x: Float32Array, rows: number, from: number, to: number): Float32Array {
  if (from === to) return x;
  const out = new Float32Array(rows * to);
  const width = Math.min(from, to);
  for (let r = 0; r < rows; r++) out.set(x.subarray(r * from, r * from + width), r * to);
  return out;
}

/** `[rows, columns]` as `[columns, width]`, filled up with zeros. */
function transpose(x: Float32Array, rows: number, columns: number, width: number): Float32Array {
  const out = new Float32Array(columns * width);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) out[c * width + r] = x[r * columns + c]!;
  return out;
}
