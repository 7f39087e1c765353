import { expectClose } from '@strata-ml/testing';
import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { batchNorm } from '../src/index.js';
import { describeEachEngine } from './support/describeEachEngine.js';
import { runFakeRanks } from './support/fakeRanks.js';

const width = 3;
const x = Float32Array.from({ length: 7 * width }, (_, i) => Math.sin(i * i) * (1 + (i % width)) + 5 * (i % width));
const dy = Float32Array.from({ length: 7 * width }, (_, i) => Math.cos(3 * i));
const gamma = [0.5, -1, 2];
const beta = [1, 0, -1];

/** Forward and backward on rows [begin, end). */
function run(begin: number, end: number, context: Parameters<typeof batchNorm>[4]) {
  const running = { mean: new Float32Array(width), variance: new Float32Array(width).fill(1) };
  const rows = (a: Float32Array) => tf.tensor2d(a.slice(begin * width, end * width), [end - begin, width]);
  let y = new Float32Array(0);
  const f = (h: tf.Tensor, g: tf.Tensor, b: tf.Tensor) => {
    const out = batchNorm(h as tf.Tensor2D, g as tf.Tensor1D, b as tf.Tensor1D, running, context);
    y = out.dataSync<'float32'>().slice();
    return out;
  };
  const grads = tf.grads(f)([rows(x), tf.tensor1d(gamma), tf.tensor1d(beta)], rows(dy));
  const [dx, dGamma, dBeta] = grads.map((g) => g.dataSync<'float32'>().slice());
  return { y, dx: dx!, dGamma: dGamma!, dBeta: dBeta!, running };
}

describeEachEngine('batchNorm', () => {
  const alone = { training: true, globalRows: 7, allReduceSum: () => {} };
  const join = (parts: Float32Array[]) => Float32Array.from(parts.flatMap((p) => [...p]));
  const add = (parts: Float32Array[]) => parts.reduce((a, b) => a.map((v, i) => v + b[i]!));

  it.each([
    { name: 'two ranks', cuts: [0, 3, 7] },
    { name: 'three ranks, one without rows', cuts: [0, 5, 5, 7] },
  ])('split over $name equals one, forward, backward and running statistics', ({ cuts }) => {
    const whole = run(0, 7, alone);
    const parts = runFakeRanks(
      cuts.slice(1).map((end, r) => (context: Parameters<typeof batchNorm>[4]) => run(cuts[r]!, end, context)),
      2,
      7,
    );
    expectClose(join(parts.map((p) => p.y)), whole.y);
    expectClose(join(parts.map((p) => p.dx)), whole.dx);
    expectClose(add(parts.map((p) => p.dGamma)), whole.dGamma);
    expectClose(add(parts.map((p) => p.dBeta)), whole.dBeta);
    for (const { running } of parts) {
      expectClose(running.mean, whole.running.mean);
      expectClose(running.variance, whole.running.variance);
    }
  });

  it('uses the running statistics in evaluation, differentiably, and leaves them alone', () => {
    const running = { mean: Float32Array.of(1, 2, 3), variance: Float32Array.of(4, 1, 0.25) };
    const fixed = { training: false, globalRows: 7, allReduceSum: () => expect.unreachable('no communication') };
    const h = tf.tensor2d(x, [7, width]);
    const f = (t: tf.Tensor) =>
      batchNorm(t as tf.Tensor2D, tf.tensor1d(gamma), tf.tensor1d(beta), running, fixed) as tf.Tensor;
    const scale = gamma.map((g, c) => g / Math.sqrt(running.variance[c]! + 1e-5));
    const expected = x.map((v, i) => (v - running.mean[i % width]!) * scale[i % width]! + beta[i % width]!);
    expectClose(f(h).dataSync(), expected);
    expectClose(
      tf
        .grad(f)(h, tf.tensor2d(dy, [7, width]))
        .dataSync(),
      dy.map((d, i) => d * scale[i % width]!),
    );
    expect([...running.mean, ...running.variance]).toEqual([1, 2, 3, 4, 1, 0.25]);
  });

  it('stays finite on a constant column', () => {
    const h = tf.fill([7, 1], 1000.1) as tf.Tensor2D;
    const running = { mean: new Float32Array(1), variance: new Float32Array(1) };
    const y = batchNorm(h, tf.tensor1d([2]), tf.tensor1d([3]), running, alone).dataSync();
    expectClose(y, new Array(7).fill(3), { atol: 1e-2, why: '1000.1 is not exact in the sums' });
  });
});
