/** The tail of a linear layer on typed arrays: bias and activation, and their gradient with the sums over rows. */
import { kernelSpace } from './kernelMemory.js';
import { checkLengths } from './lengths.js';
import { withArrays } from './staging.js';

/** What may follow a linear layer: nothing, ReLU, or GELU by its tanh form or by its definition. */
export type Activation = 'linear' | 'relu' | 'gelu' | 'gelu-erf';

const FORMS: Readonly<Record<Activation, number>> = { linear: 0, relu: 1, gelu: 2, 'gelu-erf': 3 };

/**
 * out = activation(z + bias), row by row, in one pass.
 *
 * z and out float32 `[n, width]` (out may be z), bias `[width]`. For GELU `derivative` `[n, width]`, if given, gets the
 * slope at z + bias. O(n · width).
 *
 * @throws ShapeError if the lengths do not fit.
 */
export function activateInto(
  z: Float32Array,
  bias: Float32Array,
  activation: Activation,
  out: Float32Array,
  derivative?: Float32Array,
): void {
  const width = bias.length;
  const rows = width === 0 ? 0 : z.length / width;
  checkLengths('activateInto', { z: [z, Math.floor(rows) * width], out: [out, z.length] });
  if (derivative) checkLengths('activateInto', { derivative: [derivative, z.length] });
  if (z.length === 0) return;
  const { space, kernels } = kernelSpace();
  withArrays(space, [z, bias], derivative ? [out, derivative] : [out], (from, b, to, slope) =>
    kernels.activate(from!, rows, width, b!, FORMS[activation], to!, slope ?? 0),
  );
}

/**
 * Gradient of {@link activateInto}: dz (not for `linear`, whose dz is dy) and dBias, its sums over rows.
 *
 * @param other - the output for `relu`, the derivative for GELU. float32 `[n, width]`
 * @param dz - written; may be dy. float32 `[n, width]`
 * @throws ShapeError if the lengths do not fit.
 */
export function activationGradientInto(
  dy: Float32Array,
  activation: Activation,
  other: Float32Array | undefined,
  dz: Float32Array | undefined,
  dBias: Float32Array,
): void {
  const where = 'activationGradientInto';
  const width = dBias.length;
  const rows = width === 0 ? 0 : dy.length / width;
  checkLengths(where, { dy: [dy, Math.floor(rows) * width] });
  const isLinear = activation === 'linear';
  if (!isLinear) checkLengths(where, { other: [other ?? [], dy.length], dz: [dz ?? [], dy.length] });
  if (dy.length === 0) {
    dBias.fill(0);
    return;
  }
  const form = Math.min(FORMS[activation], 2);
  const { space, kernels } = kernelSpace();
  withArrays(space, isLinear ? [dy] : [dy, other!], isLinear ? [dBias] : [dBias, dz!], (from, ...rest) => {
    const [sums, to] = isLinear ? rest : rest.slice(1);
    kernels.activationGradient(from!, isLinear ? 0 : rest[0]!, form, rows, width, to ?? 0, sums!);
  });
}
