import { expectClose } from '@strata-ml/testing';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { layerNorm } from '../src/index.js';
import { describeEachEngine } from './support/describeEachEngine.js';

/** Oracle: the definition, row by row in float64. */
function definition(x: Float64Array, width: number, gamma: ArrayLike<number>, beta: ArrayLike<number>): Float64Array {
  return x.map((value, i) => {
    const row = x.subarray(i - (i % width), i - (i % width) + width);
    const mean = row.reduce((a, b) => a + b, 0) / width;
    const variance = row.reduce((a, b) => a + (b - mean) ** 2, 0) / width;
    return ((value - mean) / Math.sqrt(variance + 1e-5)) * gamma[i % width]! + beta[i % width]!;
  });
}

const value = fc.integer({ min: -64, max: 64 }).map((v) => v / 8);

describeEachEngine('layerNorm', () => {
  it('equals the definition; its gradients equal central differences of it', () => {
    const shapes = fc.record({ n: fc.integer({ min: 0, max: 4 }), width: fc.integer({ min: 1, max: 9 }) });
    const property = fc.property(shapes, fc.infiniteStream(value), ({ n, width }, stream) => {
      const take = (count: number) => Float64Array.from({ length: count }, () => stream.next().value as number);
      const [x, dy, gamma, beta] = [take(n * width), take(n * width), take(width), take(width)];
      const loss = (x: Float64Array, g: Float64Array, b: Float64Array) =>
        definition(x, width, g, b).reduce((sum, y, i) => sum + y * dy[i]!, 0);
      const difference = (at: Float64Array, f: (moved: Float64Array) => number) =>
        at.map((_, i) => {
          const moved = (d: number) => at.map((v, j) => (i === j ? v + d : v));
          return (f(moved(1e-6)) - f(moved(-1e-6))) / 2e-6;
        });
      const f = (h: tf.Tensor, g: tf.Tensor, b: tf.Tensor): tf.Tensor =>
        layerNorm(h as tf.Tensor2D, g as tf.Tensor1D, b as tf.Tensor1D);
      const inputs = [tf.tensor2d([...x], [n, width]), tf.tensor1d([...gamma]), tf.tensor1d([...beta])] as const;
      expectClose(f(...inputs).dataSync(), definition(x, width, gamma, beta), { rtol: 1e-4, atol: 1e-5 });
      const [dx, dGamma, dBeta] = tf.grads(f)([...inputs], tf.tensor2d([...dy], [n, width]));
      // A constant row divides by √1e-5: the derivative is 316 times steeper than elsewhere.
      const limits = { rtol: 1e-3, atol: 1e-2, why: 'central differences of a steep function' };
      expectClose(
        dx!.dataSync(),
        difference(x, (m) => loss(m, gamma, beta)),
        limits,
      );
      expectClose(
        dGamma!.dataSync(),
        difference(gamma, (m) => loss(x, m, beta)),
        limits,
      );
      expectClose(
        dBeta!.dataSync(),
        difference(beta, (m) => loss(x, gamma, m)),
        limits,
      );
    });
    fc.assert(property, { numRuns: 60 });
  });

  it('keeps precision when the mean is far from zero', () => {
    const y = layerNorm(tf.tensor2d([[4096, 4097, 4098, 4099]]), tf.ones([4]), tf.zeros([4])).dataSync();
    expect(y[0]).toBeCloseTo(-1.3416, 3);
    expect(y[3]).toBeCloseTo(1.3416, 3);
  });
});
