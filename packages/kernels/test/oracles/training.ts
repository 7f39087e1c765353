/** Layers of dense networks in float64, from their definitions; rows of arrays, nothing shared with the kernels. */

export type Rows = readonly (readonly number[])[];

export const rowsOf = (x: ArrayLike<number>, width: number): number[][] =>
  Array.from({ length: x.length / width }, (_, r) => Array.from({ length: width }, (_, c) => x[r * width + c]!));
const sum = (x: readonly number[]): number => x.reduce((a, b) => a + b, 0);
const columns = (x: Rows): number[][] => x[0]!.map((_, c) => x.map((row) => row[c]!));

/** Values with their mean taken off, divided by the root of variance + epsilon. */
function normalised(x: readonly number[], epsilon: number): number[] {
  const mean = sum(x) / x.length;
  const variance = sum(x.map((v) => (v - mean) ** 2)) / x.length;
  return x.map((v) => (v - mean) / Math.sqrt(variance + epsilon));
}

export const layerNorm = (x: Rows, gamma: readonly number[], beta: readonly number[], epsilon: number): number[] =>
  x.flatMap((row) => normalised(row, epsilon).map((v, c) => v * gamma[c]! + beta[c]!));

export const batchNorm = (
  x: Rows,
  gamma: readonly number[],
  beta: readonly number[],
  epsilon: number,
  relu: boolean,
  residual?: Rows,
): number[] => {
  const turned = columns(x).map((column) => normalised(column, epsilon));
  return x.flatMap((row, r) =>
    row.map((_, c) => {
      const v = turned[c]![r]! * gamma[c]! + beta[c]! + (residual ? residual[r]![c]! : 0);
      return relu ? Math.max(0, v) : v;
    }),
  );
};

export const maskedSoftmax = (
  x: Rows,
  scale: number,
  valid: number,
  step: number,
  mask: (r: number, c: number) => number,
): number[] =>
  x.flatMap((row, r) => {
    const e = row.map((v, c) => (c < valid + r * step ? Math.exp(v * scale + mask(r, c)) : 0));
    const total = sum(e);
    return e.map((v) => (total === 0 ? 0 : v / total));
  });

export const crossEntropy = (x: Rows, targets: Rows): number[] =>
  x.map((row, r) => {
    const shift = Math.log(sum(row.map(Math.exp)));
    return sum(row.map((v, c) => (targets[r]![c] === 0 ? 0 : targets[r]![c]! * (shift - v))));
  });

/** Φ by its series, to about 1e-15 for |x| ≤ 6. */
function normalCdf(x: number): number {
  let term = x;
  let total = x;
  for (let k = 1; k < 200; k++) {
    term *= (-x * x) / (2 * k);
    total += term / (2 * k + 1);
  }
  return 0.5 + total / Math.sqrt(2 * Math.PI);
}

export const gelu = (x: number, form: 'tanh' | 'erf'): number =>
  form === 'erf' ? x * normalCdf(x) : 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));

/** Central differences of Σ f(x) · weights, in float64. */
export function gradient(
  f: (x: number[]) => readonly number[],
  x: readonly number[],
  weights: ArrayLike<number>,
): number[] {
  const h = 1e-5;
  const at = (i: number, by: number): number => {
    const moved = [...x];
    moved[i]! += by;
    return sum(f(moved).map((v, j) => v * weights[j]!));
  };
  return x.map((_, i) => (at(i, h) - at(i, -h)) / (2 * h));
}
