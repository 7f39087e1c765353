/** Layer normalisation as one operation. */
import { layerNormGradientInto, layerNormInto, readTensor, ShapeError, unfilledTensor } from '@strata-ml/kernels';
import type * as tf from '@tensorflow/tfjs-core';
import { asOperation, rowsOf } from './gradients.js';

/**
 * y = (x − mean) / √(variance + epsilon) · gamma + beta over the last dimension; differentiable in all three.
 *
 * x float32 `[…, width]`, gamma and beta `[width]`. Runs on every tfjs backend; on `native` in place on the device memory.
 * Keeps x and two numbers a row for backward. Epsilon defaults to PyTorch's, not to Keras's 1e-3.
 * Ba, Kiros, Hinton: "Layer Normalization", 2016, arXiv:1607.06450.
 *
 * @throws ShapeError if gamma or beta is not `[width]`; OptionError if `epsilon` is negative or not finite.
 */
export function layerNorm<T extends tf.Tensor>(x: T, gamma: tf.Tensor, beta: tf.Tensor, epsilon = 1e-5): T {
  const { rows, width } = rowsOf(x);
  for (const [name, { size, shape }] of Object.entries({ gamma, beta })) {
    if (x.rank === 0 || size !== width) throw new ShapeError('layerNorm', name, shape, `[${width}]`);
  }
  return asOperation<T>([x, gamma, beta], (x, gamma, beta) => {
    let stats: tf.Tensor | undefined;
    const value = unfilledTensor(x!.shape, (out) => {
      stats = unfilledTensor([rows, 2], (toStats) =>
        layerNormInto(readTensor(x!), readTensor(gamma!), readTensor(beta!), epsilon, out, toStats),
      );
    });
    return { value, saved: [x!, gamma!, stats!], gradient };
  });
}

function gradient(dy: tf.Tensor, [x, gamma, stats]: readonly tf.Tensor[]): tf.Tensor[] {
  const result: tf.Tensor[] = [];
  result[0] = unfilledTensor(x!.shape, (dx) => {
    result[1] = unfilledTensor(gamma!.shape, (dGamma) => {
      result[2] = unfilledTensor(gamma!.shape, (dBeta) => {
        const [from, d, g, s] = [x!, dy, gamma!, stats!].map(readTensor);
        layerNormGradientInto(from!, d!, g!, s!, dx, dGamma, dBeta);
      });
    });
  });
  return result;
}
