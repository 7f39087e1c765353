/** Fashion-MNIST as tensors. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DataError } from '@strata-ml/core';
import { dataRoots } from '@strata-ml/datasets';
import * as tf from '@tensorflow/tfjs';
import { readIdx } from './idx.js';

export const NUM_CLASSES = 10;
/** Images in the official training files. */
export const TRAIN_IMAGES = 60_000;

/** Images and what they show. */
export interface Examples {
  /** float32 `[n, 28, 28, 1]` in [0, 1]. */
  readonly images: tf.Tensor4D;
  /** One-hot, float32 `[n, 10]`. */
  readonly labels: tf.Tensor2D;
}

/** The folder of the four official files, or undefined if no data root holds it. */
export function dataFolder(): string | undefined {
  return dataRoots()
    .map((root) => join(root, 'fashion-mnist'))
    .find((folder) => existsSync(folder));
}

/**
 * Loads one half of the data on the current engine.
 *
 * @param count - how many. @defaultValue all that follow `first`
 * @param first - index of the first one. @defaultValue `0`
 * @throws {@link DataError} if a file is damaged or the halves of an example do not match.
 */
export function loadExamples(
  folder: string,
  part: 'train' | 't10k',
  count = Number.POSITIVE_INFINITY,
  first = 0,
): Examples {
  const images = readIdx(join(folder, `${part}-images-idx3-ubyte.gz`));
  const labels = readIdx(join(folder, `${part}-labels-idx1-ubyte.gz`));
  const [n = 0, height = 0, width = 0] = images.shape;
  if (labels.shape[0] !== n) {
    throw new DataError(`${folder}: labels of ${part} must be as many as images, ${n}, got ${labels.shape[0]}`);
  }
  const taken = Math.max(0, Math.min(n - first, count));
  const size = height * width;
  const pixels = Float32Array.from(images.values.subarray(first * size, (first + taken) * size), (byte) => byte / 255);
  const classes = new Float32Array(taken * NUM_CLASSES);
  for (let i = 0; i < taken; i++) classes[i * NUM_CLASSES + labels.values[first + i]!] = 1;
  return {
    images: tf.tensor4d(pixels, [taken, height, width, 1]),
    labels: tf.tensor2d(classes, [taken, NUM_CLASSES]),
  };
}
