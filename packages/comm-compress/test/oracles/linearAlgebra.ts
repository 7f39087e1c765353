/** Slow float64 linear algebra, sharing no code with the package. */

/** Relative error of the best approximation of rank r: from the eigenvalues of YᵀY, by Jacobi rotations. */
export function bestRankError(y: ArrayLike<number>, rows: number, columns: number, rank: number): number {
  const a = new Float64Array(columns * columns);
  for (let i = 0; i < columns; i++) {
    for (let j = 0; j < columns; j++) {
      let sum = 0;
      for (let r = 0; r < rows; r++) sum += y[r * columns + i]! * y[r * columns + j]!;
      a[i * columns + j] = sum;
    }
  }
  const eigenvalues = jacobi(a, columns).sort((p, q) => q - p);
  const total = eigenvalues.reduce((s, v) => s + v, 0);
  return Math.sqrt(
    Math.max(
      0,
      eigenvalues.slice(rank).reduce((s, v) => s + v, 0),
    ) / total,
  );
}

function jacobi(a: Float64Array, n: number): number[] {
  for (let sweep = 0; sweep < 60; sweep++) {
    let off = 0;
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        off += a[p * n + q]! ** 2;
        if (a[p * n + q] === 0) continue;
        const theta = (a[q * n + q]! - a[p * n + p]!) / (2 * a[p * n + q]!);
        const t = Math.sign(theta || 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
        const c = 1 / Math.sqrt(t * t + 1);
        const s = t * c;
        for (let k = 0; k < n; k++) {
          const [x, y] = [a[k * n + p]!, a[k * n + q]!];
          a[k * n + p] = c * x - s * y;
          a[k * n + q] = s * x + c * y;
        }
        for (let k = 0; k < n; k++) {
          const [x, y] = [a[p * n + k]!, a[q * n + k]!];
          a[p * n + k] = c * x - s * y;
          a[q * n + k] = s * x + c * y;
        }
      }
    }
    if (off < 1e-24) break;
  }
  return Array.from({ length: n }, (_, i) => a[i * n + i]!);
}

/** A·B in float64: `[rows, inner]` times `[inner, columns]`. */
export function matMul64(a: ArrayLike<number>, b: ArrayLike<number>, rows: number, inner: number, columns: number) {
  const out = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let k = 0; k < inner; k++) {
      for (let j = 0; j < columns; j++) out[i * columns + j]! += a[i * inner + k]! * b[k * columns + j]!;
    }
  }
  return out;
}
