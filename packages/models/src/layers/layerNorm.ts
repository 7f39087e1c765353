/**
 * Layer normalisation over the columns of each row.
 *
 * Ba, Kiros, Hinton: "Layer Normalization", 2016, arXiv:1607.06450. One pass over typed arrays forward and one backward,
 * with float64 sums, instead of the dozen tensors that composed operations would make.
 */

import { readTensor, tensorFrom } from '@strata-ml/kernels';
import * as tf from '@tensorflow/tfjs-core';

const epsilon = 1e-5;

/**
 * y = (x − mean) / √(variance + 1e-5) · gamma + beta, row by row, variance over F; differentiable in all three.
 *
 * @param x - float32 `[n, F]`
 * @param gamma - float32 `[F]`
 * @param beta - float32 `[F]`
 */
export function layerNorm(x: tf.Tensor2D, gamma: tf.Tensor1D, beta: tf.Tensor1D): tf.Tensor2D {
  const [n, width] = x.shape;
  const op = tf.customGrad((...args) => {
    const [x, gamma, beta, save] = args as unknown as [tf.Tensor2D, tf.Tensor1D, tf.Tensor1D, tf.GradSaveFunc];
    const means = new Float64Array(n);
    const scales = new Float64Array(n); // 1 / √(variance + epsilon)
    const value = tensorFrom([n, width], (out) => {
      normaliseRows(readTensor(x), readTensor(gamma), readTensor(beta), out, means, scales);
    });
    save([x, gamma]);
    return {
      value,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [x, gamma] = saved as [tf.Tensor2D, tf.Tensor1D];
        const dGamma = new Float64Array(width);
        const dBeta = new Float64Array(width);
        const dx = tensorFrom([n, width], (out) => {
          backward(readTensor(x), readTensor(gamma), readTensor(dy), means, scales, out, dGamma, dBeta);
        });
        return [dx, vector(dGamma), vector(dBeta)];
      },
    };
  });
  return op(x, gamma, beta) as tf.Tensor2D;
}

/** Float32 vector from float64 sums. */
export function vector(values: Float64Array): tf.Tensor1D {
  return tensorFrom([values.length], (out) => out.set(values)) as tf.Tensor1D;
}

function normaliseRows(
  x: Float32Array,
  gamma: Float32Array,
  beta: Float32Array,
  out: Float32Array,
  means: Float64Array,
  scales: Float64Array,
): void {
  const width = gamma.length;
  for (let r = 0, at = 0; r < means.length; r++, at += width) {
    let sum = 0;
    for (let c = 0; c < width; c++) sum += x[at + c]!;
    const mean = sum / width;
    let squares = 0;
    for (let c = 0; c < width; c++) {
      const d = x[at + c]! - mean;
      squares += d * d;
    }
    const scale = 1 / Math.sqrt(squares / width + epsilon);
    means[r] = mean;
    scales[r] = scale;
    for (let c = 0; c < width; c++) out[at + c] = (x[at + c]! - mean) * scale * gamma[c]! + beta[c]!;
  }
}

function backward(
  x: Float32Array,
  gamma: Float32Array,
  dy: Float32Array,
  means: Float64Array,
  scales: Float64Array,
  dx: Float32Array,
  dGamma: Float64Array,
  dBeta: Float64Array,
): void {
  const width = gamma.length;
  for (let r = 0, at = 0; r < means.length; r++, at += width) {
    const mean = means[r]!;
    const scale = scales[r]!;
    let sum = 0; // Σ dŷ and Σ dŷ·x̂, with dŷ = dy·gamma
    let projected = 0;
    for (let c = 0; c < width; c++) {
      const normal = (x[at + c]! - mean) * scale;
      const g = dy[at + c]!;
      dGamma[c]! += g * normal;
      dBeta[c]! += g;
      sum += g * gamma[c]!;
      projected += g * gamma[c]! * normal;
    }
    sum /= width;
    projected /= width;
    for (let c = 0; c < width; c++) {
      const normal = (x[at + c]! - mean) * scale;
      dx[at + c] = scale * (dy[at + c]! * gamma[c]! - sum - normal * projected);
    }
  }
}
