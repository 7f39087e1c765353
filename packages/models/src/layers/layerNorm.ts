/**
 * Layer normalisation over the columns of each row.
 *
 * Ba, Kiros, Hinton: "Layer Normalization", 2016, arXiv:1607.06450. One kernel forward and one backward instead of the
 * dozen tensors that composed operations would make.
 */

import { layerNormGradientInto, layerNormInto, readTensor, unfilledTensor } from '@strata-ml/kernels';
import * as tf from '@tensorflow/tfjs-core';

/**
 * y = (x − mean) / √(variance + epsilon) · gamma + beta, row by row, variance over F; differentiable in all three.
 *
 * @param x - float32 `[n, F]`
 * @param gamma - float32 `[F]`
 * @param beta - float32 `[F]`
 * @param epsilon - added to the variance; PyTorch's by default
 */
export function layerNorm(x: tf.Tensor2D, gamma: tf.Tensor1D, beta: tf.Tensor1D, epsilon = 1e-5): tf.Tensor2D {
  const [n, width] = x.shape;
  const op = tf.customGrad((...args) => {
    const [x, gamma, beta, save] = args as unknown as [tf.Tensor2D, tf.Tensor1D, tf.Tensor1D, tf.GradSaveFunc];
    // A tensor, so that it lies in the device memory, where kernels need no copy of it.
    let stats: tf.Tensor | undefined;
    const value = unfilledTensor([n, width], (out) => {
      stats = unfilledTensor([n, 2], (rows) =>
        layerNormInto(readTensor(x), readTensor(gamma), readTensor(beta), epsilon, out, rows),
      );
    });
    save([x, gamma, stats!]);
    return {
      value,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [x, gamma, stats] = saved as [tf.Tensor, tf.Tensor, tf.Tensor];
        const dGamma = new Float32Array(width);
        const dBeta = new Float32Array(width);
        const dx = unfilledTensor([n, width], (out) =>
          layerNormGradientInto(
            readTensor(x),
            readTensor(dy),
            readTensor(gamma),
            readTensor(stats),
            out,
            dGamma,
            dBeta,
          ),
        );
        return [dx, vector(dGamma), vector(dBeta)];
      },
    };
  });
  return op(x, gamma, beta) as tf.Tensor2D;
}

/** A float32 vector. */
export function vector(values: ArrayLike<number>): tf.Tensor1D {
  return unfilledTensor([values.length], (out) => out.set(values)) as tf.Tensor1D;
}
