import { readFileSync } from 'node:fs';
import { OptionError, ShapeError } from '@strata-ml/kernels';
import { expectClose } from '@strata-ml/testing';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  attention,
  batchNorm,
  dropout,
  gelu,
  layerNorm,
  linear,
  nativeMemory,
  selfAttention,
  softmaxCrossEntropy,
} from '../src/index.js';
import { describeEachBackend } from './support/engines.js';
import { registerGradients } from './support/gradients.js';

interface Golden {
  readonly value: number[];
  readonly gradients: number[][];
}
const golden = JSON.parse(readFileSync(new URL('golden/fused.json', import.meta.url), 'utf8')) as {
  readonly cases: Readonly<Record<string, Golden>>;
  readonly running: Readonly<Record<'mean' | 'variance', number[]>>;
};

/** As in golden/fused.py. */
function fill(shape: readonly number[], seed: number, scale = 4): tf.Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  const values = Float32Array.from({ length: size }, (_, i) => (((i * 37 + seed * 101) % 1009) / 1009 - 0.5) * scale);
  return tf.tensor(values, [...shape]);
}

type Case = readonly [(...inputs: tf.Tensor[]) => tf.Tensor, ...inputs: (() => tf.Tensor)[]];
const labels = () => tf.tensor1d([0, 4, 2, 2, 1, 3, 0], 'int32');
const scores = () => fill([7, 5], 1);
const qkv = [() => fill([2, 3, 6, 5], 1), () => fill([2, 3, 9, 5], 2), () => fill([2, 3, 9, 7], 3)] as const;
const seen = () =>
  tf.tensor(
    Array.from(fill([6, 9], 41).dataSync(), (v, i) => (v > Math.fround(-1.2) || i % 9 === 0 ? 1 : 0)),
    [6, 9],
    'bool',
  );
const image = [() => fill([21, 6], 1), () => fill([6], 2), () => fill([6], 3)] as const;
const other = () => fill([21, 6], 4);
const layer = [() => fill([3, 23, 5], 1), () => fill([5, 19], 2), () => fill([19], 3)] as const;

const CASES: Readonly<Record<string, Case>> = {
  layerNorm: [(x, g, b) => layerNorm(x!, g!, b!), () => fill([4, 5, 13], 1), () => fill([13], 2), () => fill([13], 3)],
  'gelu tanh': [(x) => gelu(x!), () => fill([77], 1, 12)],
  'gelu erf': [(x) => gelu(x!, 'erf'), () => fill([77], 1, 12)],
  crossEntropy: [(x) => softmaxCrossEntropy(x!, labels()), scores],
  'crossEntropy, summed': [(x) => softmaxCrossEntropy(x!, labels(), { reduction: 'sum' }), scores],
  'crossEntropy, each': [(x) => softmaxCrossEntropy(x!, labels(), { reduction: 'none' }), scores],
  'crossEntropy, smoothed': [(x) => softmaxCrossEntropy(x!, labels(), { labelSmoothing: 0.2 }), scores],
  'crossEntropy, ignored': [(x) => softmaxCrossEntropy(x!, labels(), { ignoreIndex: 2 }), scores],
  'crossEntropy, shares': [(x) => softmaxCrossEntropy(x!, tf.softmax(fill([7, 5], 31))), scores],
  attention: [(q, k, v) => attention(q!, k!, v!), ...qkv],
  'attention, causal': [(q, k, v) => attention(q!, k!, v!, { causal: true }), ...qkv],
  'attention, scaled': [(q, k, v) => attention(q!, k!, v!, { scale: 0.7 }), ...qkv],
  'attention, bool mask': [(q, k, v) => attention(q!, k!, v!, { mask: seen() }), ...qkv],
  'attention, float mask': [(q, k, v) => attention(q!, k!, v!, { mask: fill([2, 1, 6, 9], 5) }), ...qkv],
  'attention, mask of keys': [(q, k, v) => attention(q!, k!, v!, { mask: fill([2, 1, 1, 9], 5) }), ...qkv],
  'selfAttention, causal': [(x) => selfAttention(x as tf.Tensor3D, 2, { causal: true }), () => fill([3, 5, 24], 1)],
  selfAttention: [(x) => selfAttention(x as tf.Tensor3D, 4), () => fill([2, 7, 36], 1)],
  batchNorm: [(x, g, b) => batchNorm(x!, g!, b!), ...image],
  'batchNorm, relu': [(x, g, b) => batchNorm(x!, g!, b!, { activation: 'relu' }), ...image],
  'batchNorm, residual': [(x, g, b, residual) => batchNorm(x!, g!, b!, { residual: residual! }), ...image, other],
  'batchNorm, residual, relu': [
    (x, g, b, residual) => batchNorm(x!, g!, b!, { residual: residual!, activation: 'relu' }),
    ...image,
    other,
  ],
  ...Object.fromEntries(
    (['linear', 'relu', 'gelu', 'gelu-erf'] as const).map((activation): [string, Case] => [
      `linear, ${activation}`,
      [(x, w, b) => linear(x!, w!, b!, activation), ...layer],
    ]),
  ),
};

beforeAll(() => registerGradients());

/** Value (the same with and without a tape) and gradient in each input of Σ y · fill(99); no tensor is left. */
function evaluate([compute, ...make]: Case): { value: Float32Array; gradients: Float32Array[] } {
  const before = tf.memory().numTensors;
  const result = tf.tidy(() => {
    const inputs = make.map((input) => input());
    const value = compute(...inputs);
    const scalar = (...xs: tf.Tensor[]) => tf.sum(tf.mul(compute(...xs), fill(value.shape, 99)));
    const gradients = tf.grads(scalar)(inputs);
    const taped = tf.valueAndGrads((...xs: tf.Tensor[]) => tf.sum(compute(...xs)))(inputs).value;
    expectClose(taped.dataSync(), tf.sum(value).dataSync(), { rtol: 1e-5, atol: 1e-5, why: 'a sum of rounded terms' });
    return {
      value: value.dataSync<'float32'>(),
      gradients: gradients.map((g) => g.dataSync<'float32'>()),
    };
  });
  expect(tf.memory().numTensors).toBe(before);
  return result;
}

describeEachBackend('fused operations', (backend) => {
  afterEach(() => {
    if (backend === 'native') expect(nativeMemory().currentBytes).toBe(0);
  });

  it.each(Object.entries(CASES))('give what PyTorch gives: %s', (name, definition) => {
    const { value, gradients } = evaluate(definition);
    const expected = golden.cases[name]!;
    const limits = { rtol: 2e-5, atol: 4e-6, why: 'float32, sums of up to 69 terms' };
    expectClose(value, expected.value, limits);
    expect(gradients.length).toBe(expected.gradients.length);
    gradients.forEach((gradient, i) => {
      const largest = Math.max(...expected.gradients[i]!.map(Math.abs));
      expectClose(gradient, expected.gradients[i]!, { rtol: 2e-5, atol: 3e-6 * Math.max(1, largest), why: limits.why });
    });
  });

  it.each([1, 2, 4])('attends alike, columns ordered by part or by head: %s heads', (heads) => {
    const width = 8 / heads;
    // Column (head, part, dimension) of the one is column (part, head, dimension) of the other.
    const columns = Array.from({ length: 24 }, (_, i) => {
      const [head, part] = [Math.floor(i / (3 * width)), Math.floor(i / width) % 3];
      return (part * heads + head) * width + (i % width);
    });
    const byHead = tf.tensor1d(columns, 'int32');
    const make = () => fill([3, 5, 24], 1);
    const options = { causal: true, order: 'heads' } as const;
    const expected = evaluate([(x) => selfAttention(x as tf.Tensor3D, heads, { causal: true }), make]);
    const got = evaluate([
      (x) => selfAttention(x as tf.Tensor3D, heads, options),
      () => tf.tidy(() => tf.gather(make(), byHead, 2)),
    ]);
    expectClose(got.value, expected.value);
    const rows = Float32Array.from({ length: 15 * 24 }, (_, i) => {
      const row = i - (i % 24);
      return expected.gradients[0]![row + columns[i % 24]!]!;
    });
    expectClose(got.gradients[0]!, rows);
    byHead.dispose();
  });

  // A ReLU bends: there only PyTorch can tell.
  const smooth = Object.entries(CASES).filter(([name]) => !name.includes('relu'));
  it.each(smooth)('have the gradients of central differences: %s', (_, definition) => {
    const [compute, ...make] = definition;
    const epsilon = 1 / 128;
    tf.tidy(() => {
      const inputs = make.map((input) => input());
      const shape = compute(...inputs).shape;
      const weights = Float64Array.from(fill(shape, 99).dataSync());
      const scalarOf = (xs: tf.Tensor[]) => {
        const y = tf.tidy(() => compute(...xs).dataSync<'float32'>());
        return y.reduce((sum, v, i) => sum + v * weights[i]!, 0);
      };
      const gradients = tf.grads((...xs: tf.Tensor[]) => tf.sum(tf.mul(compute(...xs), fill(shape, 99))))(inputs);
      inputs.forEach((input, at) => {
        const values = input.dataSync<'float32'>().slice();
        const gradient = gradients[at]!.dataSync();
        const scale = Math.max(...Array.from(gradient, Math.abs), 1);
        // Every seventh entry: enough to find a wrong term.
        for (let i = at; i < values.length; i += 7) {
          const moved = (by: number) => {
            const copy = values.slice();
            copy[i]! += by;
            return scalarOf(inputs.map((x, j) => (j === at ? tf.tensor(copy, input.shape) : x)));
          };
          const numeric = (moved(epsilon) - moved(-epsilon)) / (2 * epsilon);
          expect(Math.abs(numeric - gradient[i]!) / scale).toBeLessThan(2e-2);
        }
      });
    });
  });

  it('dropout keeps what the key keeps, scales it, and draws the same mask for the gradient', () => {
    tf.tidy(() => {
      const x = tf.ones([40, 50]);
      const y = dropout(x, 0.25, [1, 2]);
      const values = y.dataSync<'float32'>();
      const kept = values.reduce((n, v) => n + (v === 0 ? 0 : 1), 0);
      expect(Math.abs(kept / 2000 - 0.75)).toBeLessThan(0.05);
      expectClose(
        values.filter((v) => v !== 0),
        new Array(kept).fill(4 / 3),
      );
      expect(dropout(x, 0.25, [1, 2]).dataSync()).toEqual(values);
      expect(dropout(x, 0.25, [1, 3]).dataSync()).not.toEqual(values);
      const gradient = tf.grad((x) => tf.sum(dropout(x, 0.25, [1, 2])))(x);
      expect(gradient.dataSync()).toEqual(values);
      expect(dropout(x, 0, [1, 2]).dataSync()).toEqual(x.dataSync());
    });
  });

  it('batchNorm moves its running averages as PyTorch does', () => {
    const [mean, variance] = tf.tidy(() => [tf.variable(fill([6], 7)), tf.variable(tf.add(fill([6], 8), 3))]) as [
      tf.Variable,
      tf.Variable,
    ];
    tf.tidy(() => {
      const [x, gamma, beta] = image.map((make) => make());
      batchNorm(x!, gamma!, beta!, { running: { mean, variance }, momentum: 0.3 });
    });
    expectClose(mean.dataSync(), golden.running.mean);
    expectClose(variance.dataSync(), golden.running.variance);
    tf.dispose([mean, variance]);
  });

  it('attention is the same by blocks of queries, and gives zeros where no key is seen', () => {
    tf.tidy(() => {
      // 700 × 700 scores are more than one block holds.
      const [q, k, v] = [1, 2, 3].map((seed) => fill([700, 8], seed)) as [tf.Tensor, tf.Tensor, tf.Tensor];
      const direct = (q: tf.Tensor, k: tf.Tensor, v: tf.Tensor) =>
        tf.matMul(tf.softmax(tf.mul(tf.matMul(q, k, false, true), Math.fround(1 / Math.sqrt(8)))), v);
      const weigh = (f: typeof direct) => (q: tf.Tensor, k: tf.Tensor, v: tf.Tensor) =>
        tf.sum(tf.mul(f(q, k, v), fill([700, 8], 99)));
      expectClose(attention(q, k, v).dataSync(), direct(q, k, v).dataSync(), {
        rtol: 1e-4,
        atol: 1e-5,
        why: 'two orders',
      });
      const ours = tf.grads(weigh(attention))([q, k, v]);
      const theirs = tf.grads(weigh(direct))([q, k, v]);
      ours.forEach((gradient, i) => {
        const [a, e] = [gradient.dataSync(), theirs[i]!.dataSync()];
        expectClose(a, e, {
          rtol: 1e-3,
          atol: 1e-5 * Math.max(...e.map(Math.abs)),
          why: 'sums of 700 terms, two orders',
        });
      });
      const blind = attention(q, k, v, { mask: tf.zeros([1, 700], 'bool') });
      expect(blind.dataSync().every((y) => y === 0)).toBe(true);
    });
  });

  it('linear computes the gradient in its input only if asked', () => {
    tf.tidy(() => {
      const [x, weight, bias] = layer.map((make) => make()) as [tf.Tensor, tf.Tensor, tf.Tensor];
      const count = (f: () => void) => {
        let products = 0;
        const engine = tf.engine() as unknown as { runKernel: (...args: unknown[]) => unknown };
        const original = engine.runKernel;
        engine.runKernel = (...args) => {
          if (args[0] === 'BatchMatMul') products++;
          return original.apply(engine, args);
        };
        f();
        engine.runKernel = original;
        return products;
      };
      expect(count(() => tf.grad((w) => tf.sum(linear(x, w, bias)))(weight))).toBe(2);
      expect(count(() => tf.grads((x, w) => tf.sum(linear(x!, w!, bias)))([x, weight]))).toBe(3);
    });
  });

  it('works on nothing', () => {
    tf.tidy(() => {
      expect(gelu(tf.zeros([0, 3])).shape).toEqual([0, 3]);
      expect(layerNorm(tf.zeros([0, 3]), tf.ones([3]), tf.zeros([3])).shape).toEqual([0, 3]);
      expect(softmaxCrossEntropy(tf.zeros([0, 3]), tf.tensor1d([], 'int32')).dataSync()[0]).toBe(0);
      expect(attention(tf.zeros([0, 4, 3]), tf.zeros([0, 5, 3]), tf.zeros([0, 5, 2])).shape).toEqual([0, 4, 2]);
      expect(linear(tf.zeros([0, 3]), tf.zeros([3, 2]), tf.zeros([2])).shape).toEqual([0, 2]);
      expect(dropout(tf.zeros([0, 3]), 0.5, [1, 2]).shape).toEqual([0, 3]);
    });
  });
});

describe('what does not fit', () => {
  it('is refused before any work', () => {
    tf.tidy(() => {
      const x = tf.zeros([4, 6]);
      expect(() => layerNorm(x, tf.ones([5]), tf.zeros([6]))).toThrow(ShapeError);
      expect(() => gelu(x, 'cubic' as 'erf')).toThrow(OptionError);
      expect(() => dropout(x, 1, [0, 0])).toThrow(OptionError);
      expect(() => softmaxCrossEntropy(x, tf.tensor1d([0, 1, 2, 6], 'int32'))).toThrow('0 … 5');
      expect(() => softmaxCrossEntropy(x, tf.tensor1d([0, 1], 'int32'))).toThrow(ShapeError);
      expect(() => attention(x, tf.zeros([4, 5]), x)).toThrow(ShapeError);
      expect(() => attention(x, x, x, { mask: tf.ones([3, 4], 'bool') })).toThrow(ShapeError);
      expect(() => selfAttention(tf.zeros([1, 2, 10]), 2)).toThrow(ShapeError);
      expect(() => selfAttention(tf.zeros([1, 2, 12]), 2, { order: 'rows' as 'heads' })).toThrow(OptionError);
      expect(() => batchNorm(x, tf.ones([4]), tf.zeros([6]))).toThrow(ShapeError);
      expect(() => linear(x, tf.zeros([5, 2]), tf.zeros([2]))).toThrow(ShapeError);
    });
  });
});
