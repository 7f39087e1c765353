import { expectClose } from '@strata-ml/testing';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { nativeMemory, nativeProfile, resetNativeProfile } from '../src/index.js';
import { uniform } from './oracles/dense.js';
import { registerGradients } from './support/gradients.js';

beforeAll(async () => {
  await registerGradients();
  expect(await tf.setBackend('native')).toBe(true);
});

interface Case {
  readonly x: [number, number, number, number];
  readonly filter: [number, number, number, number];
  readonly strides: [number, number];
  readonly pad: 'same' | 'valid';
  readonly dilations: [number, number];
}

const small = fc.constantFrom(1, 2, 3);
const cases: fc.Arbitrary<Case> = fc
  .record({
    batch: small,
    height: fc.integer({ min: 1, max: 9 }),
    width: fc.integer({ min: 1, max: 9 }),
    channels: fc.constantFrom(1, 2, 5),
    out: fc.constantFrom(1, 3, 8),
    kernel: fc.tuple(small, small),
    strides: fc.tuple(small, small),
    dilations: fc.tuple(small, small),
    pad: fc.constantFrom('same' as const, 'valid' as const),
  })
  .map(
    ({ batch, height, width, channels, out, kernel, strides, dilations, pad }): Case => ({
      x: [batch, height, width, channels],
      filter: [kernel[0], kernel[1], channels, out],
      strides,
      pad,
      // tfjs refuses strides and dilations together.
      dilations: strides[0] > 1 || strides[1] > 1 ? [1, 1] : dilations,
    }),
  );

/** Enough pixels for the blocked form, with channels around the sizes of a block. */
const few = fc.constantFrom(1, 3, 8, 15, 16, 17, 33);
const blockedCases: fc.Arbitrary<Case> = fc
  .record({
    batch: fc.constantFrom(3, 7, 18),
    height: fc.integer({ min: 7, max: 10 }),
    width: fc.integer({ min: 7, max: 10 }),
    channels: few,
    out: few,
    kernel: fc.tuple(small, small),
    strides: fc.tuple(small, small),
    dilations: fc.tuple(small, small),
    pad: fc.constantFrom('same' as const, 'valid' as const),
  })
  .map(
    ({ batch, height, width, channels, out, kernel, strides, dilations, pad }): Case => ({
      x: [batch, height, width, channels],
      filter: [kernel[0], kernel[1], channels, out],
      strides,
      pad,
      dilations: strides[0] > 1 || strides[1] > 1 ? [1, 1] : dilations,
    }),
  );

/** Where output (oy, ox) looks for tap (ky, kx): TensorFlow's rule for `same`, which puts the odd pixel at the end. */
function geometry({ x, filter, strides, pad, dilations }: Case) {
  const axis = (input: number, kernel: number, stride: number, dilation: number) => {
    const extent = (kernel - 1) * dilation + 1;
    const length = pad === 'same' ? Math.ceil(input / stride) : Math.floor((input - extent) / stride) + 1;
    const before = pad === 'same' ? Math.floor(Math.max(0, (length - 1) * stride + extent - input) / 2) : 0;
    return { length, at: (o: number, k: number) => o * stride + k * dilation - before };
  };
  return {
    rows: axis(x[1], filter[0], strides[0], dilations[0]),
    columns: axis(x[2], filter[1], strides[1], dilations[1]),
  };
}

/** Calls `visit` with the flat positions of image, filter and output for every product of the convolution. */
function forProducts(
  c: Case,
  visit: (image: number, filter: number, out: number) => void,
): [number, number, number, number] {
  const { rows, columns } = geometry(c);
  const [batch, height, width, channels] = c.x;
  const [kernelRows, kernelColumns, , outs] = c.filter;
  for (let b = 0; b < batch; b++)
    for (let oy = 0; oy < rows.length; oy++)
      for (let ox = 0; ox < columns.length; ox++)
        for (let ky = 0; ky < kernelRows; ky++)
          for (let kx = 0; kx < kernelColumns; kx++) {
            const [y, x] = [rows.at(oy, ky), columns.at(ox, kx)];
            if (y < 0 || y >= height || x < 0 || x >= width) continue;
            for (let i = 0; i < channels; i++)
              for (let o = 0; o < outs; o++)
                visit(
                  ((b * height + y) * width + x) * channels + i,
                  ((ky * kernelColumns + kx) * channels + i) * outs + o,
                  ((b * rows.length + oy) * columns.length + ox) * outs + o,
                );
          }
  return [batch, rows.length, columns.length, outs];
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** Forward and both gradients against float64 sums over every product. */
function checkAgainstSums(c: Case): void {
  const { rows, columns } = geometry(c);
  fc.pre(rows.length > 0 && columns.length > 0);
  const image = uniform(sizeOf(c.x), 1);
  const filter = uniform(sizeOf(c.filter), 2);
  const y = new Float64Array(c.x[0] * rows.length * columns.length * c.filter[3]);
  const shape = forProducts(c, (i, f, o) => {
    y[o]! += image[i]! * filter[f]!;
  });
  const dy = uniform(y.length, 3);
  const dx = new Float64Array(image.length);
  const dw = new Float64Array(filter.length);
  forProducts(c, (i, f, o) => {
    dx[i]! += dy[o]! * filter[f]!;
    dw[f]! += dy[o]! * image[i]!;
  });
  const conv = (x: tf.Tensor, w: tf.Tensor): tf.Tensor =>
    tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, c.strides, c.pad, 'NHWC', c.dilations);
  const got = tf.tidy(() => {
    const x = tf.tensor(image, c.x);
    const w = tf.tensor(filter, c.filter);
    const out = conv(x, w);
    expect(out.shape).toEqual(shape);
    // tfjs itself has no gradient for dilated convolutions.
    if (c.dilations.some((d) => d > 1)) return [out.dataSync()];
    const [gx, gw] = tf.grads(conv)([x, w], tf.tensor(dy, shape));
    return [out.dataSync(), gx!.dataSync(), gw!.dataSync()];
  });
  [y, dx, dw].slice(0, got.length).forEach((expected, i) => {
    expectClose(got[i]!, expected, { rtol: 1e-5, atol: 1e-6 * Math.sqrt(shape[0] * shape[1] * shape[2]) + 2e-5 });
  });
}

const ACTIVATIONS = {
  linear: (x: tf.Tensor) => x,
  relu: (x: tf.Tensor) => tf.relu(x),
  relu6: (x: tf.Tensor) => tf.relu6(x),
  sigmoid: (x: tf.Tensor) => tf.sigmoid(x),
  elu: (x: tf.Tensor) => tf.elu(x),
};

describe('conv2d', () => {
  it('and both gradients equal float64 sums over every product, for any stride, dilation and padding', () => {
    fc.assert(fc.property(cases, checkAgainstSums), { seed: 3, numRuns: 80 });
  });

  it('does so where channels come in blocks, whole, padded or few, and batches in pieces', () => {
    fc.assert(fc.property(blockedCases, checkAgainstSums), { seed: 4, numRuns: 60 });
  });

  it('applies bias and activation to blocks as to patches', () => {
    for (const outs of [3, 16, 20]) {
      for (const [activation, apply] of Object.entries(ACTIVATIONS)) {
        const [fused, plain] = tf.tidy(() => {
          const x = tf.tensor(uniform(4 * 9 * 9 * 6, 1), [4, 9, 9, 6]) as tf.Tensor4D;
          const filter = tf.tensor(uniform(9 * 6 * outs, 2), [3, 3, 6, outs]) as tf.Tensor4D;
          const bias = tf.tensor(uniform(outs, 3), [outs]);
          const sum = tf.add(tf.conv2d(x, filter, 1, 'same'), bias);
          const name = activation as keyof typeof ACTIVATIONS;
          const together = tf.fused.conv2d({ x, filter, strides: 1, pad: 'same', bias, activation: name });
          return [together.dataSync(), apply(sum).dataSync()];
        });
        expectClose(fused!, plain!, { rtol: 1e-6, atol: 1e-6 });
      }
    }
  });

  it('hands NaN and infinities on to the pixels whose windows see them, and to no others', () => {
    for (const bad of [NaN, Infinity, -Infinity]) {
      const got = tf.tidy(() => {
        const image = new Float32Array(2 * 12 * 12 * 16).fill(1);
        image[(5 * 12 + 5) * 16 + 3] = bad;
        const x = tf.tensor(image, [2, 12, 12, 16]) as tf.Tensor4D;
        return tf.conv2d(x, tf.ones([3, 3, 16, 16]) as tf.Tensor4D, 1, 'same').dataSync();
      });
      for (let i = 0; i < got.length; i++) {
        const pixel = Math.floor(i / 16);
        const isSeen = pixel < 144 && Math.abs(Math.floor(pixel / 12) - 5) <= 1 && Math.abs((pixel % 12) - 5) <= 1;
        if (!(isSeen ? Object.is(got[i], bad) : Number.isFinite(got[i]))) expect.fail(`${got[i]} at ${i} for ${bad}`);
      }
    }
  });

  it('works in pieces when the patches of an image are large, and leaves nothing behind', () => {
    const c: Case = { x: [3, 40, 40, 24], filter: [5, 5, 24, 8], strides: [1, 1], pad: 'same', dilations: [1, 1] };
    const before = nativeMemory().currentBytes;
    const image = uniform(sizeOf(c.x), 1);
    const filter = uniform(sizeOf(c.filter), 2);
    const dw = new Float64Array(filter.length);
    const y = new Float64Array(3 * 40 * 40 * 8);
    const dy = uniform(y.length, 3);
    forProducts(c, (i, f, o) => {
      y[o]! += image[i]! * filter[f]!;
      dw[f]! += dy[o]! * image[i]!;
    });
    resetNativeProfile();
    const [out, gradient] = tf.tidy(() => {
      const x = tf.tensor(image, c.x) as tf.Tensor4D;
      const conv = (w: tf.Tensor): tf.Tensor => tf.conv2d(x, w as tf.Tensor4D, 1, 'same');
      const w = tf.tensor(filter, c.filter);
      return [
        conv(w).dataSync(),
        tf
          .grad(conv)(w, tf.tensor(dy, [3, 40, 40, 8]))
          .dataSync(),
      ];
    });
    expectClose(out!, y, { rtol: 1e-5, atol: 1e-4 });
    expectClose(gradient!, dw, { rtol: 1e-5, atol: 1e-3, why: 'sums of 4,800 products' });
    expect(nativeProfile()).toEqual([]);
    expect(nativeMemory().currentBytes).toBe(before);
  });

  it.each([
    // Of the filter's gradient: in blocks, either way round; as a product, either way round. Then in several chunks.
    [2, 10, 33, 16, 1],
    [2, 10, 16, 33, 1],
    [2, 10, 5, 17, 1],
    [2, 9, 17, 5, 2],
    [4, 40, 64, 32, 2],
    [4, 40, 16, 48, 2],
  ] as const)(
    'of a 1×1 filter is products: %i × %i², %i to %i channels, stride %i',
    (n, size, channels, outs, stride) => {
      const before = nativeMemory().currentBytes;
      checkAgainstSums({
        x: [n, size, size, channels],
        filter: [1, 1, channels, outs],
        strides: [stride, stride],
        pad: 'same',
        dilations: [1, 1],
      });
      expect(nativeMemory().currentBytes).toBe(before);
    },
  );

  it('of a 1×1 filter, fused with bias and activation, is a product', () => {
    const x = uniform(2 * 6 * 5 * 7, 1);
    const w = uniform(7 * 9, 2);
    const bias = uniform(9, 3);
    const values = tf.tidy(() =>
      tf.fused
        .conv2d({
          x: tf.tensor4d(x, [2, 6, 5, 7]),
          filter: tf.tensor4d(w, [1, 1, 7, 9]),
          strides: 1,
          pad: 'valid',
          bias: tf.tensor1d(bias),
          activation: 'relu',
        })
        .dataSync(),
    );
    const expected = Array.from({ length: 60 * 9 }, (_, at) => {
      const [pixel, o] = [Math.floor(at / 9), at % 9];
      let sum = bias[o]!;
      for (let i = 0; i < 7; i++) sum += x[pixel * 7 + i]! * w[i * 9 + o]!;
      return Math.max(0, sum);
    });
    expectClose(values, expected, { rtol: 1e-5, atol: 1e-6 });
  });
});
