import { expectClose } from '@strata-ml/testing';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { nativeProfile, resetNativeProfile } from '../src/index.js';
import { useEngine } from './support/engines.js';
import { registerGradients } from './support/gradients.js';

// The kernels of the cpu backend, which are plain loops, are the reference.
const settings = { seed: 11, numRuns: 40 };
const side = fc.integer({ min: 1, max: 9 });
const images = fc.record({
  shape: fc.tuple(fc.integer({ min: 1, max: 3 }), side, side, fc.constantFrom(1, 3, 4, 17)),
  size: fc.tuple(side, side),
  form: fc.constantFrom('plain', 'corners', 'centers'),
});
const filled = (shape: readonly number[], seed = 1): tf.Tensor4D =>
  tf.tensor4d(
    Float32Array.from({ length: tf.util.sizeFromShape([...shape]) }, (_, i) => (((i + seed) * 37) % 101) / 7 - 7),
    [...shape] as [number, number, number, number],
  );

/** On both backends; `native` must not have called a kernel that it inherits. */
async function both(build: () => tf.Tensor): Promise<[Float32Array, Float32Array, number[], number[]]> {
  const results: [Float32Array, number[]][] = [];
  for (const name of ['cpu', 'native'] as const) {
    await tf.setBackend(name);
    resetNativeProfile();
    const y = tf.tidy(build);
    results.push([y.dataSync() as Float32Array, y.shape]);
    y.dispose();
  }
  expect(nativeProfile()).toEqual([]);
  const [[expected, expectedShape], [actual, shape]] = results as [[Float32Array, number[]], [Float32Array, number[]]];
  return [actual, expected, shape, expectedShape];
}

describe('resampling on native', () => {
  beforeAll(async () => {
    await useEngine('native');
    await registerGradients();
  });

  it.each(['resizeNearestNeighbor', 'resizeBilinear'] as const)('%s is that of the cpu backend', async (kernel) => {
    await fc.assert(
      fc.asyncProperty(images, async ({ shape, size, form }) => {
        const [actual, expected, outShape, expectedShape] = await both(() =>
          tf.image[kernel](filled(shape), size, form === 'corners', form === 'centers'),
        );
        expect(outShape).toEqual(expectedShape);
        if (kernel === 'resizeBilinear') expectClose(actual, expected, { rtol: 1e-5, atol: 1e-5 });
        else expect(actual).toEqual(expected);
      }),
      settings,
    );
  });

  it('the gradient of resizeBilinear is that of the cpu backend', async () => {
    await fc.assert(
      fc.asyncProperty(images, async ({ shape: [batch, length, , channels], size, form }) => {
        // Square images: the cpu backend swaps the sides of others.
        const shape = [batch, length, length, channels] as const;
        const gradient = tf.grad((x: tf.Tensor) => tf.image.resizeBilinear(x as tf.Tensor4D, size, form === 'corners'));
        const [actual, expected] = await both(() => gradient(filled(shape), filled([batch, ...size, channels], 5)));
        expectClose(actual, expected, { rtol: 1e-5, atol: 1e-4 });
      }),
      settings,
    );
  });

  it.each(['reflect', 'symmetric'] as const)('mirrorPad by %s is that of the cpu backend', async (mode) => {
    for (const paddings of [
      [
        [0, 0],
        [2, 1],
        [0, 3],
        [1, 1],
      ],
      [
        [1, 0],
        [0, 0],
        [0, 0],
        [0, 0],
      ],
      [
        [0, 0],
        [0, 0],
        [0, 0],
        [0, 0],
      ],
    ] as [number, number][][]) {
      const [actual, expected, shape, expectedShape] = await both(() =>
        tf.mirrorPad(filled([2, 3, 4, 5]), paddings as [[number, number]], mode),
      );
      expect(shape).toEqual(expectedShape);
      expect(actual).toEqual(expected);
    }
  });

  it('expm1 keeps the digits of small numbers, by the loop and by ONNX Runtime', async () => {
    const special = [0, -0, 1e-30, -1e-30, 1e-7, -1e-7, 0.3, -0.3, -1.3, -1.5, -90, 88, 90, Infinity, -Infinity, NaN];
    await tf.setBackend('native');
    for (const length of [100, 1000]) {
      const x = Float32Array.from({ length }, (_, i) => special[i] ?? (((i * 37) % 101) - 50) / 10 ** (i % 7));
      const y = tf.tidy(() => tf.expm1(tf.tensor1d(x)).dataSync());
      for (let i = 0; i < length; i++) {
        const expected = Math.fround(Math.expm1(x[i]!));
        if (Number.isFinite(expected))
          expect(Math.abs(y[i]! - expected)).toBeLessThanOrEqual(1e-6 * Math.abs(expected));
        else expect(y[i]).toBe(expected);
      }
    }
  });
});
