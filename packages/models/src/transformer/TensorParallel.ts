/** How a transformer's matrices may be cut across devices. */
import type * as tf from '@tensorflow/tfjs-core';

/**
 * The two communication points of Megatron's split. A device with part `rank` of `size` holds a set of attention heads,
 * a part of the inner layer of each MLP and a range of rows of the vocabulary; everything between a
 * {@link TensorParallel.copyToRegion} and the {@link TensorParallel.reduceFromRegion} after it is its own.
 *
 * Shoeybi et al.: "Megatron-LM", 2019, arXiv:1909.08053, section 3.
 */
export interface TensorParallel {
  /** Devices that share the matrices. */
  readonly size: number;
  /** This device, 0 … size − 1. */
  readonly rank: number;
  /** Megatron's f: gives `x` itself; in backward the gradients of all devices are summed. */
  copyToRegion(x: tf.Tensor): tf.Tensor;
  /** Megatron's g: sums `x` over the devices; in backward the gradient passes as it is. */
  reduceFromRegion(x: tf.Tensor): tf.Tensor;
}

/** No split: one device holds everything. */
export const singleDevice: TensorParallel = {
  size: 1,
  rank: 0,
  copyToRegion: (x) => x,
  reduceFromRegion: (x) => x,
};
