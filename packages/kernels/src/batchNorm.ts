/** Batch normalisation of training over the columns of a matrix, on typed arrays; with ReLU and a residual if wanted. */
import { OptionError, ShapeError } from './errors.js';
import { kernelSpace } from './kernelMemory.js';
import { checkLengths } from './lengths.js';
import { withArrays } from './staging.js';

/** Options of {@link batchNormInto}. */
export interface BatchNormOptions {
  /** Added to the variance, ≥ 0. @defaultValue `1e-5` */
  readonly epsilon?: number;
  /** Cut off what is below 0. @defaultValue `false` */
  readonly relu?: boolean;
  /** Added before the cut. float32 `[n, width]` */
  readonly residual?: Float32Array;
}

/**
 * out = (x − mean) / √(variance + epsilon) · gamma + beta (+ residual), column by column, variance over n.
 *
 * x and out float32 `[n, width]`, gamma and beta `[width]`; stats `[2, width]` gets the mean and the (biased) variance of
 * each column, for running averages and for {@link batchNormGradientInto}. out may be x or residual. O(n · width) in two
 * passes; moments by Chan's pairwise update, so that a large mean costs no digits.
 * Ioffe, Szegedy: "Batch normalization", ICML 2015, arXiv:1502.03167.
 *
 * @throws {@link ShapeError} if the lengths do not fit or n is 0; {@link OptionError} if `epsilon` is not ≥ 0.
 */
export function batchNormInto(
  x: Float32Array,
  gamma: Float32Array,
  beta: Float32Array,
  out: Float32Array,
  stats: Float32Array,
  { epsilon = 1e-5, relu = false, residual }: BatchNormOptions = {},
): void {
  const where = 'batchNormInto';
  if (!(epsilon >= 0 && epsilon < Infinity)) throw new OptionError(where, 'epsilon', epsilon, '≥ 0 and finite');
  const { n, width } = sizeOf(where, x, gamma);
  checkLengths(where, { beta: [beta, width], out: [out, x.length], stats: [stats, 2 * width] });
  if (residual) checkLengths(where, { residual: [residual, x.length] });
  const { space, kernels } = kernelSpace();
  const [mean, squares] = [stats.subarray(0, width), stats.subarray(width)];
  withArrays(space, [x], [mean, squares], (from, m, s) => kernels.columnMoments(from!, n, width, m!, s!));
  const factors = new Float32Array(2 * width);
  for (let c = 0; c < width; c++) {
    const variance = squares[c]! / n;
    squares[c] = variance;
    factors[c] = gamma[c]! / Math.sqrt(variance + epsilon);
    factors[width + c] = beta[c]! - mean[c]! * factors[c]!;
  }
  withArrays(space, residual ? [x, factors, residual] : [x, factors], [out], (from, f, ...rest) =>
    kernels.scaleColumns(from!, n, width, f!, f! + 4 * width, residual ? rest[0]! : 0, relu ? 1 : 0, rest.at(-1)!),
  );
}

/** What {@link batchNormGradientInto} needs of the forward pass. */
export interface BatchNormGradientOptions {
  /** As forward. @defaultValue `1e-5` */
  readonly epsilon?: number;
  /** The output, if it went through ReLU. float32 `[n, width]` */
  readonly output?: Float32Array;
  /** Gets the gradient of the residual. float32 `[n, width]` */
  readonly dResidual?: Float32Array;
}

/**
 * Gradient of {@link batchNormInto}: dx, dGamma and dBeta are written; dx may be dy.
 *
 * @param stats - what `batchNormInto` gave. float32 `[2, width]`
 * @throws {@link ShapeError} if the lengths do not fit.
 */
export function batchNormGradientInto(
  x: Float32Array,
  dy: Float32Array,
  gamma: Float32Array,
  stats: Float32Array,
  dx: Float32Array,
  dGamma: Float32Array,
  dBeta: Float32Array,
  { epsilon = 1e-5, output, dResidual }: BatchNormGradientOptions = {},
): void {
  const where = 'batchNormGradientInto';
  const { n, width } = sizeOf(where, x, gamma);
  checkLengths(where, {
    dy: [dy, x.length],
    stats: [stats, 2 * width],
    dx: [dx, x.length],
    dGamma: [dGamma, width],
    dBeta: [dBeta, width],
  });
  if (output) checkLengths(where, { output: [output, x.length] });
  if (dResidual) checkLengths(where, { dResidual: [dResidual, x.length] });
  const { space, kernels } = kernelSpace();
  const mean = stats.subarray(0, width);
  const optional = output ? [output] : [];
  const toMasked = dResidual ? [dResidual] : [];
  withArrays(space, [x, dy, mean, ...optional], [dBeta, dGamma, ...toMasked], (from, d, m, ...rest) => {
    const [sums, products, masked] = rest.slice(optional.length);
    kernels.columnProducts(from!, d!, output ? rest[0]! : 0, n, width, m!, masked ?? 0, sums!, products!);
  });
  // dx = a · (dy − Σdy / n − (x − mean) · r² · Σdy·(x − mean) / n), with a = gamma · r, r = 1 / √(variance + epsilon).
  const factors = new Float32Array(3 * width);
  for (let c = 0; c < width; c++) {
    const scale = 1 / Math.sqrt(stats[width + c]! + epsilon);
    const a = gamma[c]! * scale;
    const slope = (-a * scale * scale * dGamma[c]!) / n;
    factors[c] = a;
    factors[width + c] = slope;
    factors[2 * width + c] = (-a * dBeta[c]!) / n - slope * mean[c]!;
    dGamma[c] = dGamma[c]! * scale;
  }
  withArrays(space, [x, dy, factors, ...optional], [dx], (from, d, f, ...rest) =>
    kernels.combineColumns(
      from!,
      d!,
      output ? rest[0]! : 0,
      n,
      width,
      f!,
      f! + 4 * width,
      f! + 8 * width,
      rest.at(-1)!,
    ),
  );
}

function sizeOf(where: string, x: Float32Array, gamma: Float32Array): { n: number; width: number } {
  const width = gamma.length;
  const n = x.length / width;
  if (!(Number.isInteger(n) && n > 0)) throw new ShapeError(where, 'x', [x.length], `[n · ${width}], n ≥ 1`);
  return { n, width };
}
