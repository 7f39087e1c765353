/** The Gaussian error linear unit, on typed arrays. */
import { kernelSpace } from './kernelMemory.js';
import { checkLengths } from './lengths.js';
import { withArrays } from './staging.js';

/** `erf`: x · Φ(x). `tanh`: x/2 · (1 + tanh(√(2/π) · (x + 0.044715·x³))), the usual approximation. */
export type GeluForm = 'tanh' | 'erf';

/**
 * out = gelu(x), and if asked its derivative in the same pass.
 *
 * All float32 `[n]`; out or derivative may be x. Off by at most 3·10⁻⁷ · max(1, |x|) for both forms.
 * Hendrycks, Gimpel: "Gaussian error linear units", 2016, arXiv:1606.08415.
 *
 * @throws ShapeError if the lengths differ.
 */
export function geluInto(x: Float32Array, form: GeluForm, out: Float32Array, derivative?: Float32Array): void {
  checkLengths('geluInto', { out: [out, x.length] });
  if (derivative) checkLengths('geluInto', { derivative: [derivative, x.length] });
  if (x.length === 0) return;
  const { space, kernels } = kernelSpace();
  withArrays(space, [x], derivative ? [out, derivative] : [out], (from, to, slope) =>
    kernels.gelu(from!, x.length, form === 'erf' ? 1 : 0, to!, slope ?? 0),
  );
}
