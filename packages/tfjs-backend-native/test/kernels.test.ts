import { expectClose } from '@strata-ml/testing';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { nativeAvailability, nativeMemory, nativeProfile, resetNativeProfile } from '../src/index.js';
import {
  binaryOracle,
  broadcastShape,
  coordinatesOf,
  flatIndex,
  matMulOracle,
  reduceOracle,
  sizeOf,
  uniform,
} from './oracles/dense.js';

const settings = { seed: 7, numRuns: 40 };
const f32 = Math.fround;
/** Sizes around the thresholds between loops, SIMD blocks and ONNX Runtime. */
const LENGTHS = [0, 1, 3, 4, 15, 16, 17, 63, 511, 512, 513, 5000];
const SPECIAL = [NaN, Infinity, -Infinity, 0, -0, 1e-40, -1e-40, 3.4e38, -3.4e38, 1, -1, 0.5, -0.5, 20, -20, 88, -100];

beforeAll(async () => {
  expect(nativeAvailability().reason).toContain('passed its self-test');
  expect(await tf.setBackend('native')).toBe(true);
});

/** A tensor over a view with an offset, so that a lost byteOffset fails. */
function tensor(data: ArrayLike<number>, shape: readonly number[]): tf.Tensor {
  const padded = Float32Array.from([9, 9, ...Array.from(data), 9]);
  return tf.tensor(padded.subarray(2, 2 + data.length), [...shape]);
}

function run(build: () => tf.Tensor): Float32Array | Int32Array | Uint8Array {
  const y = tf.tidy(build);
  const values = y.dataSync();
  y.dispose();
  return values;
}

/** Bit by bit; NaN equals NaN, and 0 differs from -0. */
function expectSame(actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) {
    if (!Object.is(actual[i], expected[i])) expect(actual[i], `element ${i}`).toBe(expected[i]);
  }
}

const dim = fc.constantFrom(0, 1, 1, 2, 3, 5, 17);
const broadcastPair = fc
  .array(dim, { maxLength: 8 })
  .filter((shape) => sizeOf(shape) <= 1500)
  .chain((shape) =>
    fc.record({
      a: fc.constant(shape),
      ones: fc.array(fc.constantFrom(0, 1, 2), { minLength: shape.length, maxLength: shape.length }),
      drop: fc.nat(shape.length),
    }),
  )
  .map(({ a, ones, drop }) => ({
    a: a.map((d, i) => (ones[i] === 1 ? 1 : d)),
    b: a.map((d, i) => (ones[i] === 2 ? 1 : d)).slice(drop),
  }));

const BINARY: Record<string, [(a: tf.Tensor, b: tf.Tensor) => tf.Tensor, (x: number, y: number) => number]> = {
  add: [tf.add, (x, y) => f32(x + y)],
  sub: [tf.sub, (x, y) => f32(x - y)],
  mul: [tf.mul, (x, y) => f32(x * y)],
  div: [tf.div, (x, y) => f32(x / y)],
  maximum: [tf.maximum, Math.max],
  minimum: [tf.minimum, Math.min],
  squaredDifference: [tf.squaredDifference, (x, y) => f32(f32(x - y) ** 2)],
  prelu: [tf.prelu, (x, y) => (x < 0 ? f32(x * y) : x)],
  equal: [tf.equal, (x, y) => Number(x === y)],
  notEqual: [tf.notEqual, (x, y) => Number(x !== y)],
  less: [tf.less, (x, y) => Number(x < y)],
  lessEqual: [tf.lessEqual, (x, y) => Number(x <= y)],
  greater: [tf.greater, (x, y) => Number(x > y)],
  greaterEqual: [tf.greaterEqual, (x, y) => Number(x >= y)],
};

describe.each(Object.entries(BINARY))('%s', (_, [op, oracle]) => {
  it('equals the float64 result rounded once, for shapes of rank up to 8 broadcast in every way', () => {
    const property = fc.property(broadcastPair, ({ a, b }) => {
      const x = uniform(sizeOf(a), 1).map((value, i) => (i % 7 === 0 ? 0.25 : value));
      const y = uniform(sizeOf(b), 2).map((value, i) => (i % 5 === 0 ? 0.25 : value));
      const values = run(() => op(tensor(x, a), tensor(y, b)));
      expectSame(values, binaryOracle({ shape: a, data: x }, { shape: b, data: y }, oracle));
      expect(tf.tidy(() => op(tensor(x, a), tensor(y, b)).shape)).toEqual(broadcastShape(a, b));
    });
    fc.assert(property, settings);
  });

  it('treats NaN, infinities, -0, denormals and overflow as IEEE 754', () => {
    const n = SPECIAL.length;
    const x = SPECIAL.map(f32);
    const values = run(() => op(tensor(x, [n, 1]), tensor(x, [n])));
    const expected = binaryOracle({ shape: [n, 1], data: x }, { shape: [n], data: x }, oracle);
    expectSame(values, expected);
  });
});

/** Exact operators first: nothing to forgive. Then those with a bound in units of 2⁻²³ relative and an absolute one. */
const UNARY: Record<string, [(x: tf.Tensor) => tf.Tensor, (x: number) => number, { rtol: number; atol: number }]> = {
  neg: [tf.neg, (x) => -x, { rtol: 0, atol: 0 }],
  abs: [tf.abs, Math.abs, { rtol: 0, atol: 0 }],
  sqrt: [tf.sqrt, (x) => f32(Math.sqrt(x)), { rtol: 0, atol: 0 }],
  square: [tf.square, (x) => f32(x * x), { rtol: 0, atol: 0 }],
  reciprocal: [tf.reciprocal, (x) => f32(1 / x), { rtol: 0, atol: 0 }],
  rsqrt: [tf.rsqrt, (x) => 1 / Math.sqrt(x), { rtol: 2.5e-7, atol: 0 }],
  floor: [tf.floor, Math.floor, { rtol: 0, atol: 0 }],
  ceil: [tf.ceil, Math.ceil, { rtol: 0, atol: 0 }],
  round: [tf.round, roundHalfEven, { rtol: 0, atol: 0 }],
  relu: [tf.relu, (x) => Math.max(0, x), { rtol: 0, atol: 0 }],
  relu6: [tf.relu6, (x) => Math.min(6, Math.max(0, x)), { rtol: 0, atol: 0 }],
  clip: [(x) => tf.clipByValue(x, -0.5, 0.75), (x) => Math.min(0.75, Math.max(-0.5, x)), { rtol: 0, atol: 0 }],
  leakyRelu: [(x) => tf.leakyRelu(x, 0.25), (x) => (x < 0 ? x * 0.25 : x), { rtol: 0, atol: 0 }],
  step: [(x) => tf.step(x, 0.5), (x) => (Number.isNaN(x) ? NaN : x > 0 ? 1 : 0.5), { rtol: 0, atol: 0 }],
  sign: [tf.sign, (x) => (x > 0 ? 1 : x < 0 ? -1 : 0), { rtol: 0, atol: 0 }],
  exp: [tf.exp, Math.exp, { rtol: 4.8e-7, atol: 1.5e-45 }],
  log: [tf.log, Math.log, { rtol: 4.8e-7, atol: 1e-7 }],
  tanh: [tf.tanh, Math.tanh, { rtol: 4.8e-7, atol: 1e-7 }],
  sigmoid: [tf.sigmoid, (x) => 1 / (1 + Math.exp(-x)), { rtol: 7e-7, atol: 1e-44 }],
  erf: [tf.erf, erf, { rtol: 1e-6, atol: 2e-7 }],
  elu: [tf.elu, (x) => (x >= 0 ? x : Math.expm1(x)), { rtol: 4.8e-7, atol: 1.2e-7 }],
  sin: [tf.sin, Math.sin, { rtol: 4.8e-7, atol: 1e-7 }],
  cos: [tf.cos, Math.cos, { rtol: 4.8e-7, atol: 1e-7 }],
};

function roundHalfEven(x: number): number {
  const below = Math.floor(x);
  if (x - below < 0.5) return below === 0 && (x < 0 || Object.is(x, -0)) ? -0 : below;
  if (x - below > 0.5) return below + 1 === 0 ? -0 : below + 1;
  return below % 2 === 0 ? below : below + 1;
}

/** Maclaurin series; converges fast for the |x| ≤ 3 used here, and is 1 beyond. */
function erf(x: number): number {
  if (Math.abs(x) > 3.9) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; n < 80; n++) {
    term *= -(x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

describe.each(Object.entries(UNARY))('%s', (name, [op, oracle, bound]) => {
  it.each(LENGTHS)('is within its bound of float64 for %s elements', (length) => {
    const x = uniform(length, 3).map((value) =>
      ['log', 'sqrt', 'rsqrt'].includes(name) ? Math.abs(value) * 8 : value * 4,
    );
    const values = run(() => op(tensor(x, [length])));
    expectClose(
      values,
      Array.from(x, (value) => oracle(value)),
      { ...bound, why: 'bound of the operator' },
    );
  });

  it.each([1, 40])('keeps NaN, infinities and signed zeros, %s times the special values', (times) => {
    if (['sin', 'cos'].includes(name)) return;
    const x = Array.from({ length: times * SPECIAL.length }, (_, i) => f32(SPECIAL[i % SPECIAL.length]!));
    const values = run(() => op(tensor(x, [x.length])));
    for (let i = 0; i < x.length; i++) {
      const expected = f32(oracle(x[i]!));
      if (Number.isNaN(expected) || !Number.isFinite(expected)) expect(values[i], `${name}(${x[i]})`).toBe(expected);
      else
        expectClose([values[i]!], [expected], {
          rtol: 1e-6,
          atol: Math.max(bound.atol, 1e-37),
          why: `${name}(${x[i]})`,
        });
    }
  });
});

const reducible = fc
  .array(fc.constantFrom(1, 2, 3, 7, 19), { minLength: 0, maxLength: 6 })
  .filter((shape) => sizeOf(shape) <= 6000)
  .chain((shape) =>
    fc.record({ shape: fc.constant(shape), axes: fc.subarray(shape.map((_, i) => i)), keepDims: fc.boolean() }),
  );

const total = (values: number[]): number => values.reduce((sum, value) => sum + value, 0);
const REDUCTIONS: Record<
  string,
  [(x: tf.Tensor, axes: number[], keep: boolean) => tf.Tensor, (v: number[]) => number]
> = {
  sum: [tf.sum, total],
  mean: [tf.mean, (values) => total(values) / values.length],
  prod: [tf.prod, (values) => values.reduce((product, value) => product * value, 1)],
  max: [tf.max, (values) => Math.max(...values)],
  min: [tf.min, (values) => Math.min(...values)],
};

describe.each(Object.entries(REDUCTIONS))('%s', (name, [op, oracle]) => {
  it('equals the float64 reduction over any set of axes', () => {
    const property = fc.property(reducible, ({ shape, axes, keepDims }) => {
      // Around 1 for products, which would vanish otherwise.
      const x = uniform(sizeOf(shape), 4).map((value) => (name === 'prod' ? 1 + value / 64 : value));
      const values = run(() => op(tensor(x, shape), axes, keepDims));
      const expected = reduceOracle({ shape, data: x }, axes, oracle);
      const rtol = name === 'prod' ? 1e-7 * (10 + x.length) : 1e-5;
      expectClose(values, expected, { rtol, atol: 1e-6 * Math.sqrt(x.length) });
      const kept = shape.map((d, i) => (axes.includes(i) ? 1 : d));
      const outShape = keepDims ? kept : shape.filter((_, i) => !axes.includes(i));
      expect(tf.tidy(() => op(tensor(x, shape), axes, keepDims).shape)).toEqual(outShape);
    });
    fc.assert(property, settings);
  });

  it('keeps its digits over many rows of few columns, with rows left over', () => {
    const shape = [2, 9001, 3];
    const x = uniform(sizeOf(shape), 6).map((value) => (name === 'prod' ? 1 + value / 4096 : value));
    const expected = reduceOracle({ shape, data: x }, [1], oracle);
    expectClose(
      run(() => op(tensor(x, shape), [1], false)),
      expected,
      { rtol: name === 'prod' ? 1e-4 : 2e-6, atol: 1e-5 },
    );
  });

  it('hands NaN on from any place, along rows and down columns', () => {
    for (const shape of [
      [3, 50],
      [50, 3],
      [2, 33, 5],
    ]) {
      for (let i = 0; i < sizeOf(shape); i += 7) {
        const x = uniform(sizeOf(shape), 5);
        x[i] = NaN;
        const axes = [1];
        const values = run(() => op(tensor(x, shape), axes, false));
        const hit = flatIndex(
          coordinatesOf(i, shape),
          shape.map((d, axis) => (axes.includes(axis) ? 1 : d)),
        );
        expect(Array.from(values, Number.isNaN), `${name} ${shape} ${i}`).toEqual(
          Array.from(values, (_, j) => j === hit),
        );
      }
    }
  });

  it.skipIf(name === 'prod')('reduces long rows and columns as accurately as short ones', () => {
    for (const shape of [[3, 70000], [70000, 3], [300000]]) {
      const x = uniform(sizeOf(shape), 6).map((value) => value + 1);
      const axis = shape.length === 1 ? 0 : shape[0] === 3 ? 1 : 0;
      const values = run(() => op(tensor(x, shape), [axis], false));
      expectClose(
        values,
        reduceOracle(
          { shape, data: x },
          [axis],
          (v) =>
            v.reduce((a, b) => (name === 'max' ? Math.max(a, b) : name === 'min' ? Math.min(a, b) : a + b)) /
            (name === 'mean' ? v.length : 1),
        ),
        { rtol: 3e-6 },
      );
    }
  });
});

describe.each([
  ['argMax', tf.argMax, (value: number, best: number) => value > best],
  ['argMin', tf.argMin, (value: number, best: number) => value < best],
] as const)('%s', (name, op, isBetter) => {
  it('finds the first of the best along any axis; NaN only where it comes first', () => {
    const property = fc.property(reducible, ({ shape }) => {
      const x = uniform(sizeOf(shape), 4).map((value, i) => (i % 11 === 4 ? NaN : Math.round(value * 4)));
      shape.forEach((_, axis) => {
        const values = run(() => op(tensor(x, shape), axis));
        const expected = reduceOracle({ shape, data: x }, [axis], (line) =>
          line.reduce((best, value, i) => (isBetter(value, line[best]!) ? i : best), 0),
        );
        expect(Array.from(values), `${name} ${shape} along ${axis}`).toEqual(expected);
      });
    });
    fc.assert(property, settings);
    expect(tf.tidy(() => op(tensor([], [0, 3]), 1).shape)).toEqual([0]);
  });
});

describe('pow', () => {
  it.each([-2, -1, -0.5, 0.5, 2, 3, 4, 1.7, 0, 1])('to %s is what Math.pow gives', (exponent) => {
    const x = [...uniform(1000, 3).map((value) => Math.abs(value) * 9), ...SPECIAL.map(f32), -2, -3.5, 4];
    const values = run(() => tf.pow(tensor(x, [x.length]), exponent));
    x.forEach((base, i) => {
      const expected = f32(f32(base) ** exponent);
      const isOdd = !Number.isFinite(expected) || expected === 0;
      if (isOdd) expect(values[i], `${base} ** ${exponent}`).toBe(expected);
      else expectClose([values[i]!], [expected], { rtol: 5e-7, atol: 1e-37, why: `${base} ** ${exponent}` });
    });
  });
});

it('reduces nothing to the neutral element', () => {
  expect(Array.from(run(() => tf.sum(tensor([], [2, 0]), 1)))).toEqual([0, 0]);
  expect(Array.from(run(() => tf.max(tensor([], [2, 0]), 1)))).toEqual([-Infinity, -Infinity]);
  expect(Array.from(run(() => tf.min(tensor([], [0, 2]), 0)))).toEqual([Infinity, Infinity]);
  expect(Array.from(run(() => tf.mean(tensor([], [2, 0]), 1)))).toEqual([NaN, NaN]);
  expect(run(() => tf.sum(tensor([], [0, 3]), 1))).toHaveLength(0);
});

describe('matMul', () => {
  const product = fc.record({
    rows: fc.constantFrom(0, 1, 2, 5, 33, 64),
    inner: fc.constantFrom(0, 1, 3, 16, 40),
    columns: fc.constantFrom(0, 1, 4, 17, 64),
    batchA: fc.constantFrom([], [1], [3], [2, 1], [2, 3]),
    batchB: fc.constantFrom([], [1], [3], [2, 1], [1, 3]),
    transposeA: fc.boolean(),
    transposeB: fc.boolean(),
  });

  it('equals the float64 product in all transposed forms, batches broadcast', () => {
    const property = fc.property(product, ({ rows, inner, columns, batchA, batchB, transposeA, transposeB }) => {
      const a = { shape: [...batchA, ...(transposeA ? [inner, rows] : [rows, inner])] };
      const b = { shape: [...batchB, ...(transposeB ? [columns, inner] : [inner, columns])] };
      const x = uniform(sizeOf(a.shape), 8);
      const y = uniform(sizeOf(b.shape), 9);
      const values = run(() => tf.matMul(tensor(x, a.shape), tensor(y, b.shape), transposeA, transposeB));
      const expected = matMulOracle({ ...a, data: x }, { ...b, data: y }, transposeA, transposeB);
      expectClose(values, expected, { rtol: 1e-5, atol: 2e-7 * Math.max(1, inner) });
    });
    fc.assert(property, { seed: 7, numRuns: 120 });
  });

  it('is the same on every run', () => {
    const once = (): Float32Array | Int32Array | Uint8Array =>
      run(() => tf.matMul(tensor(uniform(128 * 96, 1), [128, 96]), tensor(uniform(96 * 80, 2), [96, 80])));
    const first = once();
    for (let i = 0; i < 5; i++) expect(once()).toEqual(first);
  });

  it('hands NaN and infinities on', () => {
    const x = uniform(64 * 64, 1);
    x[5] = NaN;
    const values = run(() => tf.matMul(tensor(x, [64, 64]), tensor(uniform(64 * 64, 2), [64, 64])));
    expect(Array.from(values, Number.isNaN)).toEqual(Array.from(values, (_, i) => i < 64));
  });

  it.each(['linear', 'relu', 'relu6', 'elu', 'sigmoid', 'leakyrelu', 'prelu'] as const)(
    'adds the bias and applies %s in the fused form',
    (activation) => {
      const [x, y, bias] = [uniform(40 * 30, 1), uniform(30 * 50, 2), uniform(50, 3)];
      const alpha = uniform(50, 4);
      const values = run(() =>
        tf.fused.matMul({
          a: tensor(x, [40, 30]) as tf.Tensor2D,
          b: tensor(y, [30, 50]) as tf.Tensor2D,
          bias: tensor(bias, [50]),
          activation,
          ...(activation === 'prelu' ? { preluActivationWeights: tensor(alpha, [50]) } : {}),
          ...(activation === 'leakyrelu' ? { leakyreluAlpha: 0.125 } : {}),
        }),
      );
      const f: Record<string, (z: number, i: number) => number> = {
        linear: (z) => z,
        relu: (z) => Math.max(0, z),
        relu6: (z) => Math.min(6, Math.max(0, z)),
        elu: (z) => (z >= 0 ? z : Math.expm1(z)),
        sigmoid: (z) => 1 / (1 + Math.exp(-z)),
        leakyrelu: (z) => (z < 0 ? z * 0.125 : z),
        prelu: (z, i) => (z < 0 ? z * alpha[i % 50]! : z),
      };
      const expected = matMulOracle({ shape: [40, 30], data: x }, { shape: [30, 50], data: y }, false, false).map(
        (z, i) => f[activation]!(z + bias[i % 50]!, i),
      );
      expectClose(values, expected, { rtol: 1e-5, atol: 3e-6 });
    },
  );

  it('takes the product of int32 from the inherited kernel', () => {
    const y = tf.tidy(() =>
      tf.matMul(tf.tensor2d([1, 2, 3, 4], [2, 2], 'int32'), tf.tensor2d([1, 1, 1, 1], [2, 2], 'int32')),
    );
    expect(y.dtype).toBe('int32');
    expect(Array.from(y.dataSync())).toEqual([3, 3, 7, 7]);
    y.dispose();
  });
});

describe('softmax', () => {
  it.each([
    [1, 1],
    [3, 5],
    [7, 100],
    [300, 10],
    [2, 3, 40],
    [0, 4],
  ])('equals float64 for %s, %s, %s', (...shape) => {
    const dims = shape.filter((d) => d !== undefined);
    const columns = dims[dims.length - 1]!;
    const x = uniform(sizeOf(dims), 5).map((value) => value * 30);
    const rows = Array.from({ length: x.length / columns }, (_, r) =>
      Array.from(x.slice(r * columns, (r + 1) * columns)),
    );
    const expected = rows.flatMap((row) => {
      const max = Math.max(...row);
      const exps = row.map((value) => Math.exp(value - max));
      return exps.map((value) => value / total(exps));
    });
    expectClose(
      run(() => tf.softmax(tensor(x, dims))),
      expected,
      { rtol: 6e-6, atol: 1e-30, why: 'x − max is rounded before exp' },
    );
    expectClose(
      run(() => tf.logSoftmax(tensor(x, dims))),
      expected.map(Math.log),
      { rtol: 2e-6, atol: 1e-5 },
    );
  });
});

describe('layout', () => {
  it('transposes by any permutation', () => {
    const permuted = fc
      .array(fc.constantFrom(1, 2, 3, 9), { minLength: 1, maxLength: 6 })
      .filter((shape) => sizeOf(shape) <= 3000)
      .chain((shape) =>
        fc.record({
          shape: fc.constant(shape),
          perm: fc.shuffledSubarray(
            shape.map((_, i) => i),
            { minLength: shape.length },
          ),
        }),
      );
    const property = fc.property(permuted, ({ shape, perm }) => {
      const x = uniform(sizeOf(shape), 11);
      const y = tf.tidy(() => tf.transpose(tensor(x, shape), perm));
      const target = perm.map((axis) => shape[axis]!);
      expect(y.shape).toEqual(target);
      const values = y.dataSync();
      y.dispose();
      for (let i = 0; i < x.length; i++) {
        const at = coordinatesOf(i, shape);
        expect(
          values[
            flatIndex(
              perm.map((axis) => at[axis]!),
              target,
            )
          ],
        ).toBe(x[i]);
      }
    });
    fc.assert(property, settings);
  });

  it.each([
    [
      [100, 70],
      [1, 0],
    ],
    [
      [33, 515],
      [1, 0],
    ],
    [
      [5000, 3],
      [1, 0],
    ],
    [
      [3, 5000],
      [1, 0],
    ],
    [
      [2, 40, 3, 66],
      [0, 2, 1, 3],
    ],
    [
      [2, 9, 300],
      [0, 2, 1],
    ],
    [
      [4, 31, 18, 5],
      [3, 1, 0, 2],
    ],
    [
      [6, 3, 2, 1030],
      [2, 0, 1, 3],
    ],
    [
      [0, 7],
      [1, 0],
    ],
  ])('transposes %s by %s as in whole tiles and their rests', (shape, perm) => {
    const x = uniform(sizeOf(shape), 11);
    const values = run(() => tf.transpose(tensor(x, shape), perm));
    const target = perm.map((axis) => shape[axis]!);
    const expected = new Float32Array(x.length);
    for (let i = 0; i < x.length; i++) {
      const at = coordinatesOf(i, shape);
      const to = perm.map((axis) => at[axis]!);
      expected[flatIndex(to, target)] = x[i]!;
    }
    expect(values).toEqual(expected);
  });

  it('concatenates, slices and pads blocks of any shape', () => {
    const cut = fc
      .array(fc.constantFrom(1, 2, 5, 60), { minLength: 1, maxLength: 4 })
      .filter((shape) => sizeOf(shape) <= 8000)
      .chain((shape) =>
        fc.record({
          shape: fc.constant(shape),
          axis: fc.nat(shape.length - 1),
          at: fc.tuple(...shape.map((d) => fc.tuple(fc.nat(d), fc.nat(d)))),
        }),
      );
    const property = fc.property(cut, ({ shape, axis, at }) => {
      const x = uniform(sizeOf(shape), 12);
      const begin = at.map(([p, q]) => Math.min(p, q));
      const size = at.map(([p, q], i) => Math.min(Math.abs(p - q), shape[i]! - begin[i]!));
      const slice = run(() => tf.slice(tensor(x, shape), begin, size));
      slice.forEach((value, i) => {
        const from = coordinatesOf(i, size).map((c, k) => c + begin[k]!);
        expect(value).toBe(x[flatIndex(from, shape)]);
      });
      const paddings = at.map(([p, q]) => [p % 3, q % 2] as [number, number]);
      const padded = run(() => tf.pad(tensor(x, shape), paddings, 0.5));
      const padShape = shape.map((d, i) => d + paddings[i]![0] + paddings[i]![1]);
      padded.forEach((value, i) => {
        const from = coordinatesOf(i, padShape).map((c, k) => c - paddings[k]![0]);
        const isInside = from.every((c, k) => c >= 0 && c < shape[k]!);
        expect(value).toBe(isInside ? x[flatIndex(from, shape)] : 0.5);
      });
      const split = Math.floor(shape[axis]! / 2);
      const rest = shape.map((d, i) => (i === axis ? d - split : d));
      const joined = run(() => {
        const t = tensor(x, shape);
        const zero = shape.map(() => 0);
        const head = tf.slice(
          t,
          zero,
          shape.map((d, i) => (i === axis ? split : d)),
        );
        const tail = tf.slice(
          t,
          zero.map((_, i) => (i === axis ? split : 0)),
          rest,
        );
        return tf.concat([head, tail], axis);
      });
      expect(joined).toEqual(x);
    });
    fc.assert(property, settings);
  });

  it('tiles by any repetition', () => {
    const property = fc.property(
      reducible,
      fc.array(fc.constantFrom(0, 1, 1, 2, 3), { minLength: 6, maxLength: 6 }),
      ({ shape }, all) => {
        const reps = shape.map((_, i) => all[i]!);
        const target = shape.map((d, i) => d * reps[i]!);
        fc.pre(sizeOf(target) <= 20000 && shape.length > 0);
        const x = uniform(sizeOf(shape), 8);
        const before = nativeMemory().currentBytes;
        const values = run(() => tf.tile(tensor(x, shape), reps));
        expect(nativeMemory().currentBytes).toBe(before);
        const expected = Float32Array.from({ length: sizeOf(target) }, (_, i) => {
          const at = coordinatesOf(i, target);
          return x[
            flatIndex(
              at.map((c, axis) => c % shape[axis]!),
              shape,
            )
          ]!;
        });
        expect(values).toEqual(expected);
      },
    );
    fc.assert(property, settings);
  });

  it('sums up along any axis, forwards and backwards, with and without the element itself', () => {
    const property = fc.property(reducible, fc.boolean(), fc.boolean(), ({ shape, axes }, exclusive, reverse) => {
      fc.pre(axes.length > 0);
      const axis = axes[0]!;
      const x = uniform(sizeOf(shape), 9);
      x[Math.floor(x.length / 2)] = Infinity;
      const values = run(() => tf.cumsum(tensor(x, shape), axis, exclusive, reverse));
      values.forEach((value, i) => {
        const at = coordinatesOf(i, shape);
        let sum = 0;
        for (let j = 0; j < shape[axis]!; j++) {
          const isBefore = reverse ? j > at[axis]! : j < at[axis]!;
          const isIn = isBefore || (!exclusive && j === at[axis]!);
          if (isIn)
            sum +=
              x[
                flatIndex(
                  at.map((c, k) => (k === axis ? j : c)),
                  shape,
                )
              ]!;
        }
        if (Number.isFinite(sum)) expectClose([value], [sum], { rtol: 1e-5, atol: 1e-5 });
        else expect(value).toBe(sum);
      });
    });
    fc.assert(property, settings);
    expect(run(() => tf.cumsum(tensor([], [3, 0]), 1))).toHaveLength(0);
  });

  it('marks one element of each row, of none where the index is outside', () => {
    for (const dtype of ['float32', 'int32'] as const) {
      const y = tf.tidy(() => tf.oneHot(tf.tensor1d([2, 0, 4, -1], 'int32'), 4, 5, -1, dtype));
      expect(y.dtype).toBe(dtype);
      const rows = [2, 0, 4, -1].map((hot) => [0, 1, 2, 3].map((column) => (column === hot ? 5 : -1)));
      expect(Array.from(y.dataSync())).toEqual(rows.flat());
      y.dispose();
    }
  });

  it('slices with strides of either sign', () => {
    const stride = fc.constantFrom(-3, -2, -1, 1, 2, 3);
    const property = fc.property(
      reducible,
      fc.array(fc.tuple(stride, fc.nat(18), fc.nat(18)), { minLength: 6 }),
      ({ shape }, cuts) => {
        fc.pre(shape.length > 0);
        const cut = shape.map((d, i) => {
          const [step, a, b] = cuts[i]!;
          const [low, high] = [Math.min(a % d, b % d), Math.max(a % d, b % d)];
          // Backwards down to an end that is not taken; tfjs counts an end of −1 from the back.
          return step > 0
            ? { step, begin: low, end: high + 1 }
            : { step, begin: high, end: low === 0 ? -d - 1 : low - 1 };
        });
        const x = uniform(sizeOf(shape), 10);
        const lines = cut.map(({ step, begin, end }) => {
          const indices: number[] = [];
          const stop = end < 0 ? -1 : end;
          for (let i = begin; step > 0 ? i < stop : i > stop; i += step) indices.push(i);
          return indices;
        });
        const target = lines.map((line) => line.length);
        const values = run(() =>
          tf.stridedSlice(
            tensor(x, shape),
            cut.map(({ begin }) => begin),
            cut.map(({ end }) => end),
            cut.map(({ step }) => step),
          ),
        );
        const expected = Float32Array.from({ length: sizeOf(target) }, (_, i) => {
          const at = coordinatesOf(i, target);
          return x[
            flatIndex(
              at.map((c, axis) => lines[axis]![c]!),
              shape,
            )
          ]!;
        });
        expect(values).toEqual(expected);
      },
    );
    fc.assert(property, settings);
  });

  it.each([
    [3, 2],
    [50, 33],
    [200, 1],
  ])('gathers rows and adds them back, %s rows of %s', (rows, width) => {
    const x = uniform(rows * width, 13);
    const at = Int32Array.from({ length: 120 }, (_, i) => (i * 7) % rows);
    const values = run(() => tf.gather(tensor(x, [rows, width]), tf.tensor1d(at, 'int32')));
    at.forEach((row, i) => {
      expect(values.slice(i * width, (i + 1) * width)).toEqual(x.slice(row * width, (row + 1) * width));
    });
    const sums = run(() => tf.unsortedSegmentSum(tensor(values, [120, width]), tf.tensor1d(at, 'int32'), rows));
    const expected = new Float64Array(rows * width);
    at.forEach((row, i) => {
      for (let j = 0; j < width; j++) expected[row * width + j]! += values[i * width + j]!;
    });
    expectClose(sums, expected);
    expect(() => run(() => tf.gather(tensor(x, [rows, width]), tf.tensor1d([rows], 'int32')))).toThrow('is not in [0');
  });

  it('selects, casts and fills', () => {
    const x = uniform(1001, 14).map((value) => value * 100);
    const chosen = run(() => tf.where(tf.greater(tensor(x, [1001]), 0), tensor(x, [1001]), tf.zeros([1001])));
    expect(chosen).toEqual(x.map((value) => Math.max(0, value)));
    expect(Array.from(run(() => tf.cast(tensor(x, [1001]), 'int32')))).toEqual(
      Array.from(x, Math.trunc).map((v) => v + 0),
    );
    const back = tf.tidy(() => tf.cast(tf.cast(tensor(x, [1001]), 'int32'), 'float32'));
    expect(back.dataSync()).toBeInstanceOf(Float32Array);
    expectClose(back.dataSync(), Array.from(x, Math.trunc), { rtol: 0, atol: 0 });
    back.dispose();
    expect(Array.from(run(() => tf.cast(tf.greater(tensor(x, [1001]), 0), 'float32')))).toEqual(
      Array.from(x, (v) => Number(v > 0)),
    );
    expect(run(() => tf.fill([700], 2.5))).toEqual(new Float32Array(700).fill(2.5));
    expect(run(() => tf.onesLike(tensor(x, [1001])))).toEqual(new Float32Array(1001).fill(1));
  });
});

it('runs none of these in an inherited kernel', () => {
  resetNativeProfile();
  tf.tidy(() => {
    const x = tensor(uniform(64 * 64, 1), [64, 64]);
    tf.softmax(tf.relu(tf.add(tf.matMul(x, x, false, true), tf.mean(x, 0))));
    tf.transpose(tf.concat([x, tf.exp(x)], 1));
  });
  expect(nativeProfile()).toEqual([]);
  tf.tidy(() => tf.cumprod(tensor(uniform(64, 1), [64])));
  expect(nativeProfile().map(({ kernel, calls }) => [kernel, calls])).toEqual([['Cumprod', 1]]);
});
