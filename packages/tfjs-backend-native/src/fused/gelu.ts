/** GELU as one operation. */
import { type GeluForm, geluInto, OptionError, readTensor, unfilledTensor } from '@strata-ml/kernels';
import * as tf from '@tensorflow/tfjs-core';
import { asOperation, isTaping } from './gradients.js';

/**
 * The Gaussian error linear unit, element by element; differentiable.
 *
 * `tanh` is the usual approximation (GPT-2, PyTorch's `approximate='tanh'`), `erf` the definition x · Φ(x). While
 * gradients are wanted the derivative is computed in the same pass and kept instead of x: backward is one product.
 * Within 3·10⁻⁷ · max(1, |x|) of the formula. Runs on every tfjs backend.
 * Hendrycks, Gimpel: "Gaussian error linear units", 2016, arXiv:1606.08415.
 *
 * @throws OptionError if `form` is another word.
 */
export function gelu<T extends tf.Tensor>(x: T, form: GeluForm = 'tanh'): T {
  if (form !== 'tanh' && form !== 'erf') throw new OptionError('gelu', 'form', form, '`tanh` or `erf`');
  if (!isTaping()) return unfilledTensor(x.shape, (out) => geluInto(readTensor(x), form, out)) as T;
  return asOperation<T>([x], (x) => {
    let derivative: tf.Tensor | undefined;
    const value = unfilledTensor(x!.shape, (out) => {
      derivative = unfilledTensor(x!.shape, (slope) => geluInto(readTensor(x!), form, out, slope));
    });
    return { value, saved: [derivative!], gradient: (dy, [slope]) => [tf.mul(dy, slope!)] };
  });
}
