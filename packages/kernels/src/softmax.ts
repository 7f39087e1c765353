/** Softmax of the scores of attention: scaled, masked, and with the triangle of causal attention left out. */
import { OptionError, ShapeError } from './errors.js';
import { kernelSpace } from './kernelMemory.js';
import { checkLengths } from './lengths.js';
import { withArrays } from './staging.js';

/** Options of {@link maskedSoftmaxInto}. */
export interface MaskedSoftmaxOptions {
  /** Factor of the scores. @defaultValue `1` */
  readonly scale?: number;
  /** How many columns row 0 has; the others give 0. @defaultValue all */
  readonly valid?: number;
  /** How many columns more each row has than the one before: 1 for a causal mask. @defaultValue `0` */
  readonly step?: number;
  /** Added to the scaled scores. float32 `[rows, columns]`, or `[columns]` for every row alike */
  readonly mask?: Float32Array;
}

/**
 * out[r, c] = softmax over c of scale · x[r, c] + mask[r, c], for the first `valid` + r · `step` columns of row r; 0 in
 * the others, and in a row whose scores are all −∞.
 *
 * x and out float32 `[rows, columns]`; they may be the same array. The greatest score of a row is subtracted first.
 * O(rows · columns); the part that is left out costs nothing but its zeros.
 *
 * @throws {@link ShapeError} if the lengths do not fit; {@link OptionError} if `columns` is no integer ≥ 1.
 * @example
 * const p = new Float32Array(4);
 * maskedSoftmaxInto(Float32Array.of(3, 9, 1, 1), 2, p, { valid: 1, step: 1 });
 * p; // => Float32Array [1, 0, 0.5, 0.5]
 */
export function maskedSoftmaxInto(
  x: Float32Array,
  columns: number,
  out: Float32Array,
  { scale = 1, valid = columns, step = 0, mask }: MaskedSoftmaxOptions = {},
): void {
  const where = 'maskedSoftmaxInto';
  const rows = rowsOf(where, x, columns);
  checkLengths(where, { out: [out, x.length] });
  if (mask && mask.length !== columns && mask.length !== x.length) {
    throw new ShapeError(where, 'mask', [mask.length], `[${columns}] or [${x.length}]`);
  }
  if (x.length === 0) return;
  const stride = mask && mask.length === x.length ? 4 * columns : 0;
  const { space, kernels } = kernelSpace();
  withArrays(space, mask ? [x, mask] : [x], [out], (from, ...others) =>
    kernels.maskedSoftmax(from!, rows, columns, valid, step, scale, mask ? others[0]! : 0, stride, others.at(-1)!),
  );
}

/**
 * Gradient of {@link maskedSoftmaxInto} in x: out = scale · p · (dp − Σ p · dp over the row).
 *
 * p (the softmax), dp and out float32 `[rows, columns]`; out may be one of the others.
 *
 * @throws {@link ShapeError} and {@link OptionError} as {@link maskedSoftmaxInto}.
 */
export function maskedSoftmaxGradientInto(
  p: Float32Array,
  dp: Float32Array,
  columns: number,
  out: Float32Array,
  { scale = 1, valid = columns, step = 0 }: Omit<MaskedSoftmaxOptions, 'mask'> = {},
): void {
  const where = 'maskedSoftmaxGradientInto';
  const rows = rowsOf(where, p, columns);
  checkLengths(where, { dp: [dp, p.length], out: [out, p.length] });
  if (p.length === 0) return;
  const { space, kernels } = kernelSpace();
  withArrays(space, [p, dp], [out], (share, d, to) =>
    kernels.maskedSoftmaxGradient(share!, d!, rows, columns, valid, step, scale, to!),
  );
}

function rowsOf(where: string, x: Float32Array, columns: number): number {
  if (!Number.isInteger(columns) || columns < 1) throw new OptionError(where, 'columns', columns, 'an integer ≥ 1');
  if (x.length % columns !== 0) throw new ShapeError(where, 'x', [x.length], `[rows · ${columns}]`);
  return x.length / columns;
}
