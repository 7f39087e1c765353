/** Differentiable moves of whole rows. */
import { readTensor, tensorFrom } from '@strata-ml/kernels';
import * as tf from '@tensorflow/tfjs-core';

/** `h` with the rows from `count` on set to zero; float32 `[n, F]`. */
export function keepRows(h: tf.Tensor2D, count: number): tf.Tensor2D {
  const [n, width] = h.shape;
  const cut = (x: tf.Tensor) =>
    tensorFrom([n, width], (out) => out.set(readTensor(x).subarray(0, count * width))) as tf.Tensor2D;
  return tf.customGrad((x) => ({ value: cut(x as tf.Tensor), gradFunc: (dy: tf.Tensor) => cut(dy) }))(h) as tf.Tensor2D;
}

/** The first `count` rows: no copy forward, a pad backward. */
export function firstRows(h: tf.Tensor2D, count: number): tf.Tensor2D {
  return count === h.shape[0] ? h : tf.slice2d(h, [0, 0], [count, h.shape[1]]);
}
