/** Kernels between element types, and those of int32 and bool tensors. */
import { expectClose } from '@strata-ml/testing';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { nativeProfile, resetNativeProfile } from '../src/index.js';
import { uniform } from './oracles/dense.js';

beforeAll(async () => {
  expect(await tf.setBackend('native')).toBe(true);
});

const values = (y: tf.Tensor): number[] => Array.from(y.dataSync());
// Longer than one step of the loops, and not a multiple of it.
const LENGTH = 37;
const whole = (seed: number): Int32Array => Int32Array.from(uniform(LENGTH, seed), (x) => Math.round(x * 9));

describe('cast', () => {
  it('cuts floats towards zero, makes NaN 0 and takes the nearest int32 of what none holds', () => {
    const floats = [1.9, -1.9, 0, -0, NaN, 3e9, -3e9, Infinity, -Infinity, 2147483520];
    const whole = [1, -1, 0, 0, 0, 2147483647, -2147483648, 2147483647, -2147483648, 2147483520];
    tf.tidy(() => {
      const x = tf.tensor([...floats, ...floats, ...floats]);
      expect(values(tf.cast(x, 'int32'))).toEqual([...whole, ...whole, ...whole]);
      const truths = floats.map((value) => Number(value !== 0));
      expect(values(tf.cast(x, 'bool'))).toEqual([...truths, ...truths, ...truths]);
    });
  });

  it('goes from int32 and bool to every type', () => {
    tf.tidy(() => {
      const x = tf.tensor(whole(1), [LENGTH], 'int32');
      const truths = Array.from(whole(1), (value) => Number(value !== 0));
      expect(values(tf.cast(x, 'float32'))).toEqual(Array.from(whole(1)));
      expect(values(tf.cast(x, 'bool'))).toEqual(truths);
      expect(values(tf.cast(tf.cast(x, 'bool'), 'int32'))).toEqual(truths);
      expect(values(tf.cast(tf.cast(x, 'bool'), 'float32'))).toEqual(truths);
      for (const dtype of ['int32', 'bool', 'float32'] as const) {
        expect(values(tf.cast(tf.tensor([], [0, 3]), dtype))).toEqual([]);
      }
    });
  });
});

describe('int32 and bool tensors', () => {
  it('add, subtract, multiply, compare and choose as whole numbers do, broadcast too', () => {
    const [a, b] = [whole(1), whole(2)];
    const operators: [(x: tf.Tensor, y: tf.Tensor) => tf.Tensor, (x: number, y: number) => number][] = [
      [tf.add, (x, y) => x + y],
      [tf.sub, (x, y) => x - y],
      [tf.mul, (x, y) => x * y],
      [tf.maximum, Math.max],
      [tf.minimum, Math.min],
      [tf.equal, (x, y) => Number(x === y)],
      [tf.notEqual, (x, y) => Number(x !== y)],
      [tf.less, (x, y) => Number(x < y)],
      [tf.lessEqual, (x, y) => Number(x <= y)],
      [tf.greater, (x, y) => Number(x > y)],
      [tf.greaterEqual, (x, y) => Number(x >= y)],
    ];
    resetNativeProfile();
    tf.tidy(() => {
      const x = tf.tensor(a, [LENGTH], 'int32');
      const y = tf.tensor(b, [LENGTH], 'int32');
      const one = tf.scalar(3, 'int32');
      for (const [operator, expected] of operators) {
        // `+ 0`: a whole number has no −0.
        expect(values(operator(x, y))).toEqual(Array.from(a, (value, i) => expected(value, b[i]!) + 0));
        expect(values(operator(x, one))).toEqual(Array.from(a, (value) => expected(value, 3) + 0));
        expect(values(operator(one, y))).toEqual(Array.from(b, (value) => expected(3, value) + 0));
      }
    });
    expect(nativeProfile()).toEqual([]);
  });

  it('combine truths, and find any and all of a row', () => {
    tf.tidy(() => {
      const x = tf.tensor([1, 1, 0, 0, 1, 1], [2, 3], 'bool');
      const y = tf.tensor([1, 0, 1, 0, 1, 1], [2, 3], 'bool');
      expect(values(tf.logicalAnd(x, y))).toEqual([1, 0, 0, 0, 1, 1]);
      expect(values(tf.logicalOr(x, y))).toEqual([1, 1, 1, 0, 1, 1]);
      expect(values(tf.logicalNot(x))).toEqual([0, 0, 1, 1, 0, 0]);
      expect(values(tf.all(tf.tensor([1, 1, 1, 0], [2, 2], 'bool'), 1))).toEqual([1, 0]);
      expect(values(tf.any(tf.tensor([0, 0, 1, 0], [2, 2], 'bool'), 1))).toEqual([0, 1]);
      expect(tf.any(x, 1, true).shape).toEqual([2, 1]);
    });
  });

  it('are moved as they are: slice, pad, concat, gather, transpose, reverse, stridedSlice', () => {
    resetNativeProfile();
    tf.tidy(() => {
      const x = tf.tensor([1, 2, 3, 4, 5, 6], [2, 3], 'int32');
      const results = [
        [tf.slice(x, [0, 1], [2, 2]), [2, 3, 5, 6]],
        [
          tf.pad(
            x,
            [
              [0, 0],
              [1, 0],
            ],
            9,
          ),
          [9, 1, 2, 3, 9, 4, 5, 6],
        ],
        [tf.concat([x, x], 1), [1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6]],
        [tf.gather(x, tf.tensor([2, 0], [2], 'int32'), 1), [3, 1, 6, 4]],
        [tf.transpose(x), [1, 4, 2, 5, 3, 6]],
        [tf.reverse(x, 1), [3, 2, 1, 6, 5, 4]],
        [tf.reverse(x), [6, 5, 4, 3, 2, 1]],
        [tf.reverse(x, 0), [4, 5, 6, 1, 2, 3]],
        [tf.stridedSlice(x, [1, 2], [-3, -4], [-1, -2]), [6, 4, 3, 1]],
      ] as const;
      for (const [y, expected] of results) {
        expect(y.dtype).toBe('int32');
        expect(values(y)).toEqual([...expected]);
      }
    });
    expect(nativeProfile()).toEqual([]);
  });
});

describe('functions of one number', () => {
  const close = (op: (x: tf.Tensor) => tf.Tensor, exact: (x: number) => number, points: number[], rtol = 2e-6) => {
    for (const copies of [1, 100]) {
      const x = Float32Array.from({ length: points.length * copies }, (_, i) => points[i % points.length]!);
      const got = tf.tidy(() => op(tf.tensor(x)).dataSync());
      const isOrdinary = (i: number) => Number.isFinite(exact(x[i]!));
      expectClose(
        got.filter((_, i) => isOrdinary(i)),
        Float64Array.from(x, exact).filter((_, i) => isOrdinary(i)),
        {
          rtol,
          atol: 1e-7,
        },
      );
      x.forEach((value, i) => {
        if (!isOrdinary(i)) expect(got[i]).toBe(exact(value));
      });
    }
  };
  const line = [NaN, Infinity, -Infinity, 0, -0, 1e-10, -1e-10, 1e-4, -1e-4, 0.3, -0.3, 1, -1, 5, -5, 20, -20, 60, -60];

  it('log1p, softplus and selu keep the digits of small numbers, and take NaN and infinities', () => {
    close(tf.log1p, Math.log1p, [...line, -0.999]);
    const tiny = tf.tidy(() => tf.log1p(tf.fill([600], 1e-10)).dataSync());
    expectClose(tiny, new Float64Array(600).fill(1e-10), { rtol: 1e-6 });
    close(tf.softplus, (x) => (x > 30 ? x : Math.log1p(Math.exp(x))), line);
    const [scale, alpha] = [1.0507009873554805, 1.6732632423543772];
    close(tf.selu, (x) => (x >= 0 ? scale * x : Number.isNaN(x) ? NaN : scale * alpha * Math.expm1(x)), line);
  });

  it('isNaN, isInf and isFinite tell them apart', () => {
    const repeated = [...line, ...line];
    tf.tidy(() => {
      const x = tf.tensor(repeated);
      expect(values(tf.isNaN(x))).toEqual(repeated.map((value) => Number(Number.isNaN(value))));
      expect(values(tf.isInf(x))).toEqual(repeated.map((value) => Number(Math.abs(value) === Infinity)));
      expect(values(tf.isFinite(x))).toEqual(repeated.map((value) => Number(Number.isFinite(value))));
    });
  });

  it('trigonometric and hyperbolic ones equal float64', () => {
    const unit = [-0.99, -0.5, -1e-3, 0, 1e-3, 0.5, 0.99];
    close(tf.tan, Math.tan, [-3, -1, -0.1, 0, 0.5, 1.5], 1e-5);
    close(tf.asin, Math.asin, unit, 1e-5);
    close(tf.acos, Math.acos, unit, 1e-5);
    close(tf.atan, Math.atan, line);
    close(tf.sinh, Math.sinh, [-5, -1, -0.1, 0, 0.1, 1, 5], 1e-5);
    close(tf.cosh, Math.cosh, [-5, -1, 0, 1, 5], 1e-5);
    close(tf.asinh, Math.asinh, [-5, -1, -0.1, 0, 0.1, 1, 5], 1e-5);
    close(tf.acosh, Math.acosh, [1, 1.5, 3, 50], 1e-5);
    close(tf.atanh, Math.atanh, unit, 1e-5);
  });
});
