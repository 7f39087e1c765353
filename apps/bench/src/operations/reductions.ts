/** Reductions, and what is made of them: softmax, normalisation, selection, pooling. */
import * as tf from '@tensorflow/tfjs-core';
import { fill } from '../contenders/inputs.js';
import { type Operation, total } from './Operation.js';
import { IMAGES, KEPT, MATRIX, type NormSpec, type ReduceSpec } from './spec.js';

const [ROWS, COLS] = MATRIX;
const EPSILON = 1e-5;

function matrix(): { x: Float32Array; a: tf.Tensor2D } {
  const x = fill(ROWS * COLS, 1);
  return { x, a: tf.tensor2d(x, [ROWS, COLS]) };
}

export function reduce({ name, axis }: ReduceSpec): Operation {
  const { x, a } = matrix();
  const axes = axis < 0 ? undefined : axis;
  const call = { sum: () => tf.sum(a, axes), max: () => tf.max(a, axes), argMax: () => tf.argMax(a, axis) }[name];
  /** Term j of the reduction that makes element i. */
  const term = (i: number, j: number) => (axis < 0 ? x[j]! : axis === 0 ? x[j * COLS + i]! : x[i * COLS + j]!);
  const count = axis < 0 ? ROWS * COLS : axis === 0 ? ROWS : COLS;
  return {
    run: call,
    element(i) {
      if (name === 'sum') return total(count, (j) => term(i, j));
      let best = 0;
      for (let j = 1; j < count; j++) if (term(i, j) > term(i, best)) best = j;
      return name === 'max' ? term(i, best) : best;
    },
  };
}

/** Scaled and shifted rows of mean 0 and variance 1. */
export type LayerNorm = (x: tf.Tensor, scale: tf.Tensor, shift: tf.Tensor, epsilon: number) => tf.Tensor;

/** What a user of plain tfjs writes. */
const composedLayerNorm: LayerNorm = (x, scale, shift, epsilon) =>
  tf.tidy(() => {
    const { mean, variance } = tf.moments(x, -1, true);
    return tf.add(tf.mul(tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, epsilon))), scale), shift);
  });

export function normalization({ op }: NormSpec, layerNorm: LayerNorm = composedLayerNorm): Operation {
  if (op === 'batchNorm') return batchNorm();
  const { x, a } = matrix();
  const row = (i: number) => x.subarray(Math.floor(i / COLS) * COLS, (Math.floor(i / COLS) + 1) * COLS);
  if (op === 'softmax') {
    return {
      run: () => tf.softmax(a),
      element: (i) => Math.exp(x[i]!) / total(COLS, (c) => Math.exp(row(i)[c]!)),
    };
  }
  if (op === 'topk') {
    return {
      run() {
        const { values, indices } = tf.topk(a, KEPT);
        indices.dispose();
        return values;
      },
      element: (i) => row(Math.floor(i / KEPT) * COLS).toSorted((p, q) => q - p)[i % KEPT]!,
    };
  }
  const [g, b] = [fill(COLS, 2).map((v) => v + 1), fill(COLS, 3)];
  const [scale, shift] = [tf.tensor1d(g), tf.tensor1d(b)];
  return {
    run: () => layerNorm(a, scale, shift, EPSILON),
    element(i) {
      const mean = total(COLS, (c) => row(i)[c]!) / COLS;
      const variance = total(COLS, (c) => (row(i)[c]! - mean) ** 2) / COLS;
      return ((x[i]! - mean) / Math.sqrt(variance + EPSILON)) * g[i % COLS]! + b[i % COLS]!;
    },
  };
}

/** As in inference: the moments are given. */
function batchNorm(): Operation {
  const channels = IMAGES[3];
  const x = fill(
    IMAGES.reduce((p, q) => p * q, 1),
    1,
  );
  const moments = [
    fill(channels, 2),
    fill(channels, 3).map((v) => v + 1),
    fill(channels, 4),
    fill(channels, 5),
  ] as const;
  const [mean, variance, shift, scale] = moments;
  const a = tf.tensor4d(x, [...IMAGES]);
  const [m, v, b, g] = moments.map((values) => tf.tensor1d(values)) as [
    tf.Tensor1D,
    tf.Tensor1D,
    tf.Tensor1D,
    tf.Tensor1D,
  ];
  return {
    run: () => tf.batchNorm(a, m, v, b, g, EPSILON),
    element(i) {
      const c = i % channels;
      return ((x[i]! - mean[c]!) / Math.sqrt(variance[c]! + EPSILON)) * scale[c]! + shift[c]!;
    },
  };
}

export function maxPool(): Operation {
  const [, height, width, channels] = IMAGES;
  const x = fill(
    IMAGES.reduce((p, q) => p * q, 1),
    1,
  );
  const a = tf.tensor4d(x, [...IMAGES]);
  const [rows, cols] = [height / 2, width / 2];
  return {
    run: () => tf.maxPool(a, 2, 2, 'valid'),
    element(i) {
      const [n, r, c, q] = [
        Math.floor(i / (rows * cols * channels)),
        Math.floor(i / (cols * channels)) % rows,
        Math.floor(i / channels) % cols,
        i % channels,
      ];
      const pixel = (dr: number, dc: number) => x[((n * height + 2 * r + dr) * width + 2 * c + dc) * channels + q]!;
      return Math.max(pixel(0, 0), pixel(0, 1), pixel(1, 0), pixel(1, 1));
    },
  };
}
