/** Inputs that any language makes alike: integer arithmetic, then one division. `native/inputs.py` is the other half. */

/** Numbers in [−0.5, 0.5): ((37·i + 101·seed) mod 1009) / 1009 − 0.5, times a scale. */
export function fill(length: number, seed: number, scale = 1): Float32Array {
  const out = new Float32Array(length);
  for (let i = 0; i < length; i++) out[i] = (((i * 37 + seed * 101) % 1009) / 1009 - 0.5) * scale;
  return out;
}

/** A sparse matrix with almost equal rows, columns spread over all and ascending within a row. */
export function sparse(rows: number, nnz: number) {
  const indptr = new Int32Array(rows + 1);
  for (let r = 0; r <= rows; r++) indptr[r] = Math.floor((r * nnz) / rows);
  const indices = new Int32Array(nnz);
  for (let e = 0; e < nnz; e++) indices[e] = (e * 48_271) % rows;
  for (let r = 0; r < rows; r++) indices.subarray(indptr[r]!, indptr[r + 1]!).sort();
  return { rows, cols: rows, indptr, indices, values: fill(nnz, 3) };
}

/** Σ (i mod 7 − 3)·x_i in float64: contenders that computed the same print the same. */
export function checksum(x: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += ((i % 7) - 3) * x[i]!;
  return sum;
}
