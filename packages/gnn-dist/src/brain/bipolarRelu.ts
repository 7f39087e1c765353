/** Rectifiers that let negative evidence through. */
import * as tf from '@tensorflow/tfjs-core';

/** `alternating`: every other unit keeps the negative half; `split`: both halves side by side; `relu`: the usual one. */
export const bipolarKinds = ['alternating', 'split', 'relu'] as const;
/** One of {@link bipolarKinds}. */
export type BipolarKind = (typeof bipolarKinds)[number];

/**
 * Bipolar ReLU: even units max(x, 0), odd units min(x, 0), so that the mean activation stays near zero.
 *
 * Eidnes, Nøkland: "Shifting Mean Activation Towards Zero with Bipolar Activation Functions", 2017, arXiv:1709.04054.
 *
 * @param x - float32 `[n, F]`
 * @returns float32 `[n, F]`; `[n, 2F]` for `split`
 */
export function bipolarRelu(x: tf.Tensor2D, kind: BipolarKind = 'alternating'): tf.Tensor2D {
  if (kind === 'relu') return tf.relu(x);
  if (kind === 'split') return tf.concat([tf.relu(x), tf.neg(tf.relu(tf.neg(x)))], 1);
  // s·relu(s·x) with s = +1, −1, +1, …: both halves by one rectifier.
  const signs = tf.tensor1d(Float32Array.from({ length: x.shape[1] }, (_, i) => (i % 2 === 0 ? 1 : -1)));
  return tf.mul(tf.relu(tf.mul(x, signs)), signs);
}
