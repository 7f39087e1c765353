/** Layer normalisation over the columns of each row, on typed arrays. */
import { OptionError, ShapeError } from './errors.js';
import { kernelSpace } from './kernelMemory.js';
import { checkLengths } from './lengths.js';
import { withArrays } from './staging.js';

/**
 * out = (x − mean) / √(variance + epsilon) · gamma + beta, row by row, variance over the width.
 *
 * x and out float32 `[n, width]`, gamma and beta `[width]`; stats `[n, 2]` gets mean and 1/√(variance + epsilon) of each
 * row, which {@link layerNormGradientInto} needs. O(n · width). A NaN makes its row NaN.
 * Ba, Kiros, Hinton: "Layer Normalization", 2016, arXiv:1607.06450.
 *
 * @throws {@link ShapeError} if the lengths do not fit; {@link OptionError} if `epsilon` is negative or not finite.
 * @example
 * const out = new Float32Array(2);
 * layerNormInto(Float32Array.of(1, 3), Float32Array.of(1, 1), Float32Array.of(0, 5), 0, out, new Float32Array(2));
 * out; // => Float32Array [-1, 6]
 */
export function layerNormInto(
  x: Float32Array,
  gamma: Float32Array,
  beta: Float32Array,
  epsilon: number,
  out: Float32Array,
  stats: Float32Array,
): void {
  const where = 'layerNormInto';
  if (!(epsilon >= 0 && epsilon < Infinity)) throw new OptionError(where, 'epsilon', epsilon, '≥ 0 and finite');
  const { n, width } = rowsOf(where, x, gamma);
  checkLengths(where, { beta: [beta, width], out: [out, n * width], stats: [stats, 2 * n] });
  if (x.length === 0) return;
  const { space, kernels } = kernelSpace();
  withArrays(space, [x, gamma, beta], [stats, out], (from, g, b, s, to) =>
    kernels.layerNorm(from!, n, width, g!, b!, epsilon, s!, to!),
  );
}

/**
 * Gradient of {@link layerNormInto}: dx, dGamma and dBeta are written, dx may be dy.
 *
 * @param stats - what `layerNormInto` gave. float32 `[n, 2]`
 * @throws {@link ShapeError} if the lengths do not fit.
 */
export function layerNormGradientInto(
  x: Float32Array,
  dy: Float32Array,
  gamma: Float32Array,
  stats: Float32Array,
  dx: Float32Array,
  dGamma: Float32Array,
  dBeta: Float32Array,
): void {
  const where = 'layerNormGradientInto';
  const { n, width } = rowsOf(where, x, gamma);
  checkLengths(where, {
    dy: [dy, n * width],
    stats: [stats, 2 * n],
    dx: [dx, n * width],
    dGamma: [dGamma, width],
    dBeta: [dBeta, width],
  });
  if (x.length === 0) {
    dGamma.fill(0);
    dBeta.fill(0);
    return;
  }
  const { space, kernels } = kernelSpace();
  const scratch = space.alloc(8 * width);
  try {
    withArrays(space, [x, dy, gamma, stats], [dx, dGamma, dBeta], (from, d, g, s, to, toGamma, toBeta) =>
      kernels.layerNormGradient(from!, d!, n, width, g!, s!, to!, toGamma!, toBeta!, scratch),
    );
  } finally {
    space.free(scratch);
  }
}

function rowsOf(where: string, x: Float32Array, gamma: Float32Array): { n: number; width: number } {
  const width = gamma.length;
  const n = width === 0 ? 0 : x.length / width;
  if (!Number.isInteger(n) || (width === 0 && x.length > 0)) {
    throw new ShapeError(where, 'x', [x.length], `[n · ${width}]`);
  }
  return { n, width };
}
