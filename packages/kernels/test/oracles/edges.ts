/** Slow float64 references per row and head; they share no code with the kernels. */

/** Calls `visit` with the entries of each row. */
export function eachRow(indptr: Int32Array, visit: (entries: readonly number[], row: number) => void): void {
  for (let r = 0; r + 1 < indptr.length; r++) {
    visit(
      Array.from({ length: indptr[r + 1]! - indptr[r]! }, (_, i) => indptr[r]! + i),
      r,
    );
  }
}

/** Softmax of scores `[edges, heads]` over each row. */
export function softmaxByRow(indptr: Int32Array, scores: ArrayLike<number>, heads: number): Float64Array {
  const out = new Float64Array(scores.length);
  eachRow(indptr, (entries) => {
    for (let k = 0; k < heads; k++) {
      const top = Math.max(...entries.map((e) => scores[e * heads + k]!));
      const powers = entries.map((e) => Math.exp(scores[e * heads + k]! - top));
      const total = powers.reduce((a, b) => a + b, 0);
      entries.forEach((e, i) => {
        out[e * heads + k] = powers[i]! / total;
      });
    }
  });
  return out;
}

/** The scores' gradient, from the whole Jacobian of each row. */
export function softmaxGradientByRow(
  indptr: Int32Array,
  alpha: ArrayLike<number>,
  dAlpha: ArrayLike<number>,
  heads: number,
): Float64Array {
  const out = new Float64Array(alpha.length);
  eachRow(indptr, (entries) => {
    for (let k = 0; k < heads; k++) {
      for (const i of entries) {
        for (const j of entries) {
          const slope = alpha[j * heads + k]! * ((i === j ? 1 : 0) - alpha[i * heads + k]!);
          out[i * heads + k]! += slope * dAlpha[j * heads + k]!;
        }
      }
    }
  });
  return out;
}
