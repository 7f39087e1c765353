/** Slow float64 references over dense matrices; they share no code with the kernels. */
import type { Csr } from '../../src/csr.js';

/** The matrix with every zero written out, row by row. */
export function toDense({ rows, cols, indptr, indices, values }: Csr): number[][] {
  const dense = Array.from({ length: rows }, () => new Array<number>(cols).fill(0));
  for (let r = 0; r < rows; r++) {
    for (let e = indptr[r]!; e < indptr[r + 1]!; e++) dense[r]![indices[e]!]! += values ? values[e]! : 1;
  }
  return dense;
}

/** a · x for a dense matrix a and row-major x `[cols, width]`. */
export function multiply(a: readonly (readonly number[])[], x: ArrayLike<number>, width: number): Float64Array {
  const out = new Float64Array(a.length * width);
  a.forEach((row, r) => {
    row.forEach((w, c) => {
      for (let k = 0; k < width; k++) out[r * width + k]! += w * x[c * width + k]!;
    });
  });
  return out;
}

/** |a| · |x|: what rounding errors of a product are measured against. */
export function absoluteMass(csr: Csr, x: ArrayLike<number>, width: number): number {
  const values = Float32Array.from(csr.indices, (_, e) => Math.abs(csr.values?.[e] ?? 1));
  const sums = multiply(toDense({ ...csr, values }), Array.from(x, Math.abs), width);
  return sums.reduce((a, b) => Math.max(a, b), 0);
}

/** The dense matrix with rows and columns exchanged. */
export const transpose = (a: readonly (readonly number[])[], cols: number): number[][] =>
  Array.from({ length: cols }, (_, c) => a.map((row) => row[c]!));
