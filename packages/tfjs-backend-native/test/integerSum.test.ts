import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, it } from 'vitest';
import { nativeProfile, resetNativeProfile } from '../src/index.js';
import { useEngine } from './support/engines.js';

beforeAll(() => useEngine('native'));

// Beyond 2²⁴, where float32 has lost the ones; and sizes around vectors, chunks and folds.
it.each([
  [[1], [0]],
  [[3, 7], [1]],
  [[5, 20_001], [1]],
  [[1030, 3], [0]],
  [[4, 300, 5], [1]],
  [
    [4, 9, 5],
    [0, 2],
  ],
  [[2, 1, 3], [1]],
  [[0, 3], [0]],
])('sums int32 %j over axes %j exactly', (shape, axes) => {
  const size = tf.util.sizeFromShape(shape);
  const values = Int32Array.from({ length: size }, (_, i) => ((i * 7919) % 1_000_003) - 400_000);
  resetNativeProfile();
  const y = tf.tidy(() => tf.sum(tf.tensor(values, shape, 'int32'), axes));
  expect(nativeProfile()).toEqual([]);
  expect(y.dtype).toBe('int32');
  const kept = shape.filter((_, axis) => !axes.includes(axis));
  expect(y.shape).toEqual(kept);
  const expected = new Int32Array(tf.util.sizeFromShape(kept));
  const strides = tf.util.computeStrides(shape).concat(1);
  for (let i = 0; i < size; i++) {
    const at = shape.reduce((sum, dim, axis) => {
      return axes.includes(axis) ? sum : sum * dim + (Math.floor(i / strides[axis]!) % dim);
    }, 0);
    expected[at]! += values[i]!;
  }
  expect(y.dataSync()).toEqual(expected);
  y.dispose();
});
