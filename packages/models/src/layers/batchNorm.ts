/**
 * Batch normalisation whose statistics cover all rows on all devices.
 *
 * Ioffe, Szegedy: "Batch Normalization", ICML 2015, arXiv:1502.03167. Sums and sums of squares are all-reduced in
 * float64 and divided by the rows of the whole training graph; the backward pass all-reduces the sums of dy and dy·x̂.
 */

import { readTensor, tensorFrom } from '@strata-ml/kernels';
import * as tf from '@tensorflow/tfjs-core';
import type { GraphContext } from '../GraphContext.js';
import { vector } from './layerNorm.js';

const epsilon = 1e-5;
const momentum = 0.1;

/** What batch norm needs of a context. */
/** What {@link batchNorm} needs of a graph context. */
export type NormContext = Pick<GraphContext, 'training' | 'allReduceSum' | 'globalRows' | 'statisticRows'>;

/** Statistics that evaluation uses; each training step moves them by 0.1 of the way, in place. */
export interface RunningStatistics {
  /** float32 `[F]` */
  readonly mean: Float32Array;
  /** float32 `[F]`; moved towards the unbiased variance, as PyTorch does. */
  readonly variance: Float32Array;
}

/**
 * y = (x − mean) / √(variance + 1e-5) · gamma + beta, column by column; differentiable in all three.
 *
 * While `context.training`, mean and (biased) variance are those of all `context.globalRows` rows, and every device
 * must call this; two all-reduces of 2·F numbers, one forward and one backward. Otherwise the running statistics count.
 * The gradients of gamma and beta are this device's share: the sum over devices is the whole.
 *
 * Rows behind `context.statisticRows` are copies of rows that count on another device: they are normalised like the
 * rest, and their gradients reach the statistics, but they do not count in them.
 *
 * @param x - float32 `[n, F]`
 */
export function batchNorm(
  x: tf.Tensor2D,
  gamma: tf.Tensor1D,
  beta: tf.Tensor1D,
  running: RunningStatistics,
  context: NormContext,
): tf.Tensor2D {
  const [n, width] = x.shape;
  const { training, globalRows } = context;
  const counted = width * Math.min(n, context.statisticRows ?? n);
  const op = tf.customGrad((...args) => {
    const [x, gamma, beta, save] = args as unknown as [tf.Tensor2D, tf.Tensor1D, tf.Tensor1D, tf.GradSaveFunc];
    const means = Float64Array.from(running.mean);
    const variances = Float64Array.from(running.variance);
    if (training) batchStatistics(readTensor(x).subarray(0, counted), context, means, variances, running);
    const scales = variances.map((v) => 1 / Math.sqrt(v + epsilon));
    const value = tensorFrom([n, width], (out) => {
      const [xs, gs, bs] = [readTensor(x), readTensor(gamma), readTensor(beta)];
      for (let at = 0; at < xs.length; at += width) {
        for (let c = 0; c < width; c++) out[at + c] = (xs[at + c]! - means[c]!) * scales[c]! * gs[c]! + bs[c]!;
      }
    });
    save([x, gamma]);
    return {
      value,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [x, gamma] = saved as [tf.Tensor2D, tf.Tensor1D];
        const sums = new Float64Array(2 * width); // Σ dy, then Σ dy·x̂
        addGradientSums(readTensor(x), readTensor(dy), means, scales, sums);
        const dBeta = sums.slice(0, width);
        const dGamma = sums.slice(width);
        if (training) context.allReduceSum(sums);
        const dx = tensorFrom([n, width], (out) => {
          const [xs, gs, ds] = [readTensor(x), readTensor(gamma), readTensor(dy)];
          for (let at = 0; at < xs.length; at += width) {
            for (let c = 0; c < width; c++) {
              const normal = (xs[at + c]! - means[c]!) * scales[c]!;
              // Where the statistics do not depend on a row, its two correction terms vanish.
              const correction = training && at < counted ? (sums[c]! + normal * sums[width + c]!) / globalRows : 0;
              out[at + c] = gs[c]! * scales[c]! * (ds[at + c]! - correction);
            }
          }
        });
        return [dx, vector(dGamma), vector(dBeta)];
      },
    };
  });
  return op(x, gamma, beta) as tf.Tensor2D;
}

/** Fills `means` and `variances` with those of all devices' rows and moves the running statistics. */
function batchStatistics(
  x: Float32Array,
  context: NormContext,
  means: Float64Array,
  variances: Float64Array,
  running: RunningStatistics,
): void {
  const width = means.length;
  const sums = new Float64Array(2 * width);
  for (let at = 0; at < x.length; at += width) {
    for (let c = 0; c < width; c++) {
      const value = x[at + c]!;
      sums[c]! += value;
      sums[width + c]! += value * value;
    }
  }
  context.allReduceSum(sums);
  const rows = context.globalRows;
  for (let c = 0; c < width; c++) {
    const mean = sums[c]! / rows;
    // Rounding can push E[x²] − mean² of a constant column below zero.
    const variance = Math.max(0, sums[width + c]! / rows - mean * mean);
    means[c] = mean;
    variances[c] = variance;
    const unbiased = rows > 1 ? (variance * rows) / (rows - 1) : variance;
    running.mean[c]! += momentum * (mean - running.mean[c]!);
    running.variance[c]! += momentum * (unbiased - running.variance[c]!);
  }
}

function addGradientSums(
  x: Float32Array,
  dy: Float32Array,
  means: Float64Array,
  scales: Float64Array,
  sums: Float64Array,
): void {
  const width = means.length;
  for (let at = 0; at < x.length; at += width) {
    for (let c = 0; c < width; c++) {
      const g = dy[at + c]!;
      sums[c]! += g;
      sums[width + c]! += g * (x[at + c]! - means[c]!) * scales[c]!;
    }
  }
}
