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
  readonly x: [number, number, number, number];
  readonly filter: [number, number, number, number];
  readonly stride: number;
  readonly dilation: number;
  readonly pad: 'same' | 'valid';
}

const small = fc.constantFrom(1, 2, 3);
const cases: fc.Arbitrary<Case> = fc
  .record({
    x: fc.tuple(
      small,
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 9 }),
      fc.constantFrom(1, 2, 5, 16, 19, 33),
    ),
    window: fc.tuple(small, small),
    times: fc.constantFrom(1, 1, 2, 3),
    stride: small,
    dilation: small,
    pad: fc.constantFrom('same' as const, 'valid' as const),
  })
  .map(({ x, window, times, stride, dilation, pad }) => ({
    x,
    filter: [window[0], window[1], x[3], times] as [number, number, number, number],
    stride,
    // tfjs refuses strides and dilations together.
    dilation: stride > 1 ? 1 : dilation,
    pad,
  }));

function axis(input: number, size: number, { stride, dilation, pad }: Case) {
  const extent = (size - 1) * dilation + 1;
  if (pad === 'valid') return { length: Math.floor((input - extent) / stride) + 1, before: 0 };
  const length = Math.ceil(input / stride);
  return { length, before: Math.floor(Math.max(0, (length - 1) * stride + extent - input) / 2) };
}

/** Calls `visit` with the flat positions of image, filter and output for every product. */
function forProducts(c: Case, visit: (image: number, filter: number, out: number) => void): number[] {
  const [batch, height, width, channels] = c.x;
  const [rowsOf, columnsOf, , times] = c.filter;
  const [rows, columns] = [axis(height, rowsOf, c), axis(width, columnsOf, c)];
  const shape = [batch, rows.length, columns.length, channels * times];
  for (let o = 0; o < sizeOf(shape); o++) {
    const channel = Math.floor((o % (channels * times)) / times);
    const at = Math.floor(o / (channels * times));
    const [oy, ox] = [Math.floor(at / columns.length) % rows.length, at % columns.length];
    const b = Math.floor(at / (columns.length * rows.length));
    for (let ky = 0; ky < rowsOf; ky++)
      for (let kx = 0; kx < columnsOf; kx++) {
        const y = oy * c.stride + ky * c.dilation - rows.before;
        const x = ox * c.stride + kx * c.dilation - columns.before;
        if (y < 0 || y >= height || x < 0 || x >= width) continue;
        const tap = ((ky * columnsOf + kx) * channels + channel) * times + (o % times);
        visit(((b * height + y) * width + x) * channels + channel, tap, o);
      }
  }
  return shape;
}

describe('depthwise convolution', () => {
  it('and both gradients equal float64 sums over every product, and leave nothing behind', () => {
    resetNativeProfile();
    const property = fc.property(cases, (c) => {
      fc.pre(axis(c.x[1], c.filter[0], c).length > 0 && axis(c.x[2], c.filter[1], c).length > 0);
      const image = uniform(sizeOf(c.x), 1);
      const filter = uniform(sizeOf(c.filter), 2);
      const y: number[] = [];
      const shape = forProducts(c, (i, f, o) => {
        y[o] = (y[o] ?? 0) + image[i]! * filter[f]!;
      });
      const dy = uniform(sizeOf(shape), 3);
      const dx = new Float64Array(image.length);
      const dw = new Float64Array(filter.length);
      forProducts(c, (i, f, o) => {
        dx[i]! += dy[o]! * filter[f]!;
        dw[f]! += dy[o]! * image[i]!;
      });
      const before = nativeMemory().currentBytes;
      const conv = (x: tf.Tensor, w: tf.Tensor): tf.Tensor =>
        tf.depthwiseConv2d(x as tf.Tensor4D, w as tf.Tensor4D, c.stride, c.pad, 'NHWC', c.dilation);
      const got = tf.tidy(() => {
        const [x, w] = [tf.tensor(image, c.x), tf.tensor(filter, c.filter)];
        const out = conv(x, w);
        expect(out.shape).toEqual(shape);
        // tfjs itself has no gradient for dilated convolutions.
        if (c.dilation > 1) return [out.dataSync()];
        const [gx, gw] = tf.grads(conv)([x, w], tf.tensor(dy, shape));
        return [out.dataSync(), gx!.dataSync(), gw!.dataSync()];
      });
      expect(nativeMemory().currentBytes).toBe(before);
      [Float64Array.from({ length: dy.length }, (_, i) => y[i] ?? 0), dx, dw]
        .slice(0, got.length)
        .forEach((want, i) => {
          expectClose(got[i]!, want, { rtol: 1e-5, atol: 1e-5 });
        });
    });
    fc.assert(property, { seed: 3, numRuns: 120 });
    expect(nativeProfile()).toEqual([]);
  });

  it('keeps the digits of long sums in the gradient of the filter', () => {
    const [x, dy] = [1, 2].map((seed) => uniform(8 * 120 * 120 * 3, seed).map((value) => value + 1));
    const dw = new Float64Array(3);
    x!.forEach((value, i) => {
      dw[i % 3]! += value * dy![i]!;
    });
    const shape: [number, number, number, number] = [8, 120, 120, 3];
    const conv = (w: tf.Tensor): tf.Tensor => tf.depthwiseConv2d(tf.tensor4d(x!, shape), w as tf.Tensor4D, 1, 'same');
    const gradient = tf.tidy(() =>
      tf
        .grad(conv)(tf.ones([1, 1, 3, 1]), tf.tensor4d(dy!, shape))
        .dataSync(),
    );
    expectClose(gradient, dw, { rtol: 2e-6 });
  });

  it('adds the bias and applies the activation in the fused form', () => {
    const x = uniform(2 * 5 * 4 * 6, 1);
    const [w, bias] = [uniform(6, 2), uniform(6, 3)];
    const values = tf.tidy(() =>
      tf.fused
        .depthwiseConv2d({
          x: tf.tensor4d(x, [2, 5, 4, 6]),
          filter: tf.tensor4d(w, [1, 1, 6, 1]),
          strides: 1,
          pad: 'valid',
          bias: tf.tensor1d(bias),
          activation: 'relu',
        })
        .dataSync(),
    );
    const expected = Array.from(x, (value, i) => Math.max(0, value * w[i % 6]! + bias[i % 6]!));
    expectClose(values, expected, { rtol: 1e-5, atol: 1e-6 });
  });

  it('hands NaN on to the outputs that see it', () => {
    const x = uniform(25 * 4, 1);
    x[12 * 4 + 1] = NaN;
    const y = tf.tidy(() =>
      tf.depthwiseConv2d(tf.tensor4d(x, [1, 5, 5, 4]), tf.ones([3, 3, 4, 1]), 1, 'valid').dataSync(),
    );
    expect(Array.from(y, Number.isNaN)).toEqual(Array.from(y, (_, i) => i % 4 === 1));
  });
});
