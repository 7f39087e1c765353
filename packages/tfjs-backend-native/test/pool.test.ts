import { expectClose } from '@strata-ml/testing';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { nativeMemory, nativeProfile, resetNativeProfile } from '../src/index.js';
import { sizeOf, uniform } from './oracles/dense.js';
import { registerGradients } from './support/gradients.js';

beforeAll(async () => {
  await registerGradients();
  expect(await tf.setBackend('native')).toBe(true);
});

interface Case {
  readonly shape: [number, number, number, number];
  readonly window: [number, number];
  readonly strides: [number, number];
  readonly pad: 'same' | 'valid' | number;
}

const small = fc.constantFrom(1, 2, 3);
const cases: fc.Arbitrary<Case> = fc
  .record({
    shape: fc.tuple(
      fc.constantFrom(1, 2),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 9 }),
      fc.constantFrom(1, 3, 4, 7, 16, 21),
    ),
    window: fc.tuple(small, small),
    strides: fc.tuple(small, small),
    pad: fc.constantFrom('same' as const, 'valid' as const, 1),
  })
  // With a padding in pixels tfjs takes windows and strides to be square.
  .map(
    ({ window: [size, width], strides: [step, stepX], pad, ...rest }): Case => ({
      ...rest,
      pad,
      window: [size, pad === 1 ? size : width],
      strides: [step, pad === 1 ? step : stepX],
    }),
  )
  // tfjs hands an image through a 1×1 window untouched; windows wholly outside the image have no average.
  .filter(({ window, pad }) => window[0] * window[1] > 1 && (pad !== 1 || Math.min(...window) > 1))
  .filter(({ shape, window, pad }) => pad === 'same' || (shape[1] >= window[0] && shape[2] >= window[1]));

/** The flat pixels of every output's window that are inside the image, in reading order. */
function windowsOf({ shape: [batch, height, width, channels], window, strides, pad }: Case): number[][] {
  const axis = (input: number, size: number, stride: number) => {
    if (pad !== 'same') {
      const before = pad === 'valid' ? 0 : pad;
      return { length: Math.floor((input + 2 * before - size) / stride) + 1, before };
    }
    const length = Math.ceil(input / stride);
    return { length, before: Math.floor(Math.max(0, (length - 1) * stride + size - input) / 2) };
  };
  const [rows, columns] = [axis(height, window[0], strides[0]), axis(width, window[1], strides[1])];
  const all: number[][] = [];
  for (let b = 0; b < batch; b++)
    for (let oy = 0; oy < rows.length; oy++)
      for (let ox = 0; ox < columns.length; ox++)
        for (let c = 0; c < channels; c++) {
          const pixels: number[] = [];
          for (let ky = 0; ky < window[0]; ky++)
            for (let kx = 0; kx < window[1]; kx++) {
              const y = oy * strides[0] + ky - rows.before;
              const x = ox * strides[1] + kx - columns.before;
              const isInside = y >= 0 && y < height && x >= 0 && x < width;
              if (isInside) pixels.push(((b * height + y) * width + x) * channels + c);
            }
          all.push(pixels);
        }
  return all;
}

/** The first pixel with the largest number; none if there are only NaN and −∞. */
function winner(x: Float32Array, pixels: readonly number[]): number | undefined {
  let best: number | undefined;
  for (const pixel of pixels) if (x[pixel]! > (best === undefined ? -Infinity : x[best]!)) best = pixel;
  return best;
}

/** Few different values, so that windows have ties; some are NaN, infinite or −0. */
function withTies(size: number): Float32Array {
  const odd = [NaN, -Infinity, Infinity, -0, 0];
  return uniform(size, 3).map((value, i) => (i % 6 === 0 ? odd[(i / 6) % 5]! : Math.round(value * 3)));
}

type Pool = (x: tf.Tensor4D, ...rest: [[number, number], [number, number], 'same' | 'valid' | number]) => tf.Tensor4D;

/** Output and gradient for the output gradient `dy`, computed natively and without a leak. */
function poolAndGradient(op: Pool, { shape, window, strides, pad }: Case, x: Float32Array, dy: Float32Array) {
  const before = nativeMemory().currentBytes;
  const tensors = tf.tidy(() => {
    const input = tf.tensor4d(x, shape);
    const y = op(input, window, strides, pad);
    const dx = tf.grad((t: tf.Tensor) => op(t as tf.Tensor4D, window, strides, pad))(input, tf.tensor(dy, y.shape));
    return [y, dx];
  });
  const [y, dx] = tensors.map((tensor) => tensor.dataSync() as Float32Array);
  tf.dispose(tensors);
  expect(nativeMemory().currentBytes).toBe(before);
  return { y: y!, dx: dx! };
}

describe('pooling', () => {
  it('takes the maximum of the window, NaN passed over, and hands its gradient to the first that has it', () => {
    resetNativeProfile();
    const property = fc.property(cases, (c) => {
      const x = withTies(sizeOf(c.shape));
      const windows = windowsOf(c);
      const dy = uniform(windows.length, 5);
      const { y, dx } = poolAndGradient(tf.maxPool, c, x, dy);
      const expected = new Float64Array(x.length);
      windows.forEach((pixels, i) => {
        const best = winner(x, pixels);
        expect(y[i]! + 0, `output ${i}`).toBe(best === undefined ? -Infinity : x[best]! + 0);
        if (best !== undefined) expected[best]! += dy[i]!;
      });
      expectClose(dx, expected, { rtol: 1e-5, atol: 1e-6 });
    });
    fc.assert(property, { seed: 7, numRuns: 150 });
    expect(nativeProfile()).toEqual([]);
  });

  it('averages over the pixels inside, and divides the gradient by the whole window, as tfjs does', () => {
    resetNativeProfile();
    const property = fc.property(cases, (c) => {
      const x = uniform(sizeOf(c.shape), 4);
      const windows = windowsOf(c);
      const dy = uniform(windows.length, 6);
      const { y, dx } = poolAndGradient(tf.avgPool, c, x, dy);
      const expected = new Float64Array(x.length);
      const means = windows.map((pixels, i) => {
        for (const pixel of pixels) expected[pixel]! += dy[i]! / (c.window[0] * c.window[1]);
        return pixels.reduce((sum, pixel) => sum + x[pixel]!, 0) / pixels.length;
      });
      expectClose(y, means, { rtol: 1e-5, atol: 1e-6 });
      expectClose(dx, expected, { rtol: 1e-5, atol: 1e-6 });
    });
    fc.assert(property, { seed: 7, numRuns: 150 });
    expect(nativeProfile()).toEqual([]);
  });

  it('hands NaN on when averaging', () => {
    const x = uniform(2 * 4 * 4 * 5, 1);
    x[7] = NaN;
    const y = tf.tidy(() => tf.avgPool(tf.tensor4d(x, [2, 4, 4, 5]), 2, 2, 'valid'));
    expect(Array.from(y.dataSync(), Number.isNaN)).toEqual(Array.from({ length: 40 }, (_, i) => i === 2));
    y.dispose();
  });

  it('pools no images to none', () => {
    expect(tf.tidy(() => tf.maxPool(tf.tensor4d([], [0, 4, 4, 3]), 2, 2, 'same').shape)).toEqual([0, 2, 2, 3]);
  });
});

describe('batch normalisation', () => {
  it.each([
    [5, 1],
    [3, 7],
    [2, 3, 4, 5],
    [2, 3, 3, 16],
    [0, 4],
  ])('is (x − mean) · scale / √(variance + ε) + offset for %s × %s …', (...dims) => {
    const shape = dims.filter((dim) => dim !== undefined);
    const width = shape[shape.length - 1]!;
    const x = uniform(sizeOf(shape), 1).map((value) => value + 100);
    const [mean, offset, scale] = [2, 3, 4].map((seed) => uniform(width, seed));
    const variance = uniform(width, 5).map((value) => value * value);
    const means = mean!.map((value) => value + 100);
    resetNativeProfile();
    const y = tf.tidy(() =>
      tf.batchNorm(
        tf.tensor(x, shape as [number, number, number, number]) as tf.Tensor4D,
        tf.tensor1d(means),
        tf.tensor1d(variance),
        tf.tensor1d(offset!),
        tf.tensor1d(scale!),
        1e-3,
      ),
    );
    const expected = Array.from(x, (value, i) => {
      const c = i % width;
      return ((value - means[c]!) * scale![c]!) / Math.sqrt(variance[c]! + 1e-3) + offset![c]!;
    });
    expectClose(y.dataSync(), expected, { rtol: 1e-5, atol: 1e-5 });
    y.dispose();
    expect(nativeProfile()).toEqual([]);
  });

  it('needs neither scale nor offset, and takes moments of several dimensions', () => {
    const x = uniform(4 * 6 * 5, 1);
    const [mean, variance] = [uniform(30, 2), uniform(30, 3).map((value) => value * value)];
    const y = tf.tidy(() =>
      tf.batchNorm(
        tf.tensor(x, [4, 6, 5]) as tf.Tensor3D,
        tf.tensor(mean, [1, 6, 5]) as tf.Tensor3D,
        tf.tensor(variance, [1, 6, 5]) as tf.Tensor3D,
      ),
    );
    const expected = Array.from(x, (value, i) => (value - mean[i % 30]!) / Math.sqrt(variance[i % 30]! + 1e-3));
    expectClose(y.dataSync(), expected, { rtol: 1e-5, atol: 1e-6 });
    y.dispose();
  });
});
