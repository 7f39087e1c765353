import { expectClose } from '@strata-ml/testing';
import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { edgeAttention } from '../src/index.js';
import { describeEachEngine } from './support/describeEachEngine.js';

// Three owned rows, five sources (two of them halo rows), one owned row without in-neighbours.
const block = { indptr: Int32Array.of(0, 4, 5, 5), indices: Int32Array.of(0, 1, 3, 4, 1) };
const [heads, width, numSources] = [2, 3, 5];
const wave = (n: number, f: number) => Float32Array.from({ length: n }, (_, i) => Math.sin(f * (i + 1)));
const p = wave(numSources * heads * width, 1.7);
const source = wave(heads * width, 2.3);
const target = wave(heads * width, 0.9);
const dy = wave(3 * heads * width, 3.1);

/** Oracle: attention edge by edge in float64. */
function definition(p: Float64Array, source: Float64Array, target: Float64Array): Float64Array {
  const out = new Float64Array(3 * heads * width);
  for (let v = 0; v < 3; v++) {
    for (let k = 0; k < heads; k++) {
      const dot = (vertex: number, a: Float64Array) =>
        Array.from({ length: width }, (_, c) => p[(vertex * heads + k) * width + c]! * a[k * width + c]!).reduce(
          (s, t) => s + t,
          0,
        );
      const edges = [...block.indices.subarray(block.indptr[v], block.indptr[v + 1])];
      const scores = edges.map((u) => dot(u, source) + dot(v, target)).map((s) => Math.exp(s > 0 ? s : 0.2 * s));
      const total = scores.reduce((s, t) => s + t, 0);
      edges.forEach((u, e) => {
        for (let c = 0; c < width; c++) {
          out[(v * heads + k) * width + c]! += (scores[e]! / total) * p[(u * heads + k) * width + c]!;
        }
      });
    }
  }
  return out;
}

describeEachEngine('edgeAttention', () => {
  const f = (h: tf.Tensor, s: tf.Tensor, t: tf.Tensor): tf.Tensor =>
    edgeAttention(h as tf.Tensor2D, s as tf.Tensor2D, t as tf.Tensor2D, block);
  const tensors = () =>
    [
      tf.tensor2d(p, [numSources, heads * width]),
      tf.tensor2d(source, [heads, width]),
      tf.tensor2d(target, [heads, width]),
    ] as const;

  it('equals the definition edge by edge; rows without in-neighbours are 0', () => {
    const expected = definition(Float64Array.from(p), Float64Array.from(source), Float64Array.from(target));
    const got = f(...tensors()).dataSync();
    expectClose(got, expected);
    expect([...got.slice(2 * heads * width)]).toEqual(new Array(heads * width).fill(0));
  });

  it('has the gradients that central differences show, halo rows included', () => {
    const inputs = [p, source, target].map((a) => Float64Array.from(a));
    const loss = (args: Float64Array[]) =>
      definition(args[0]!, args[1]!, args[2]!).reduce((sum, y, i) => sum + y * dy[i]!, 0);
    const grads = tf.grads(f)([...tensors()], tf.tensor2d(dy, [3, heads * width]));
    grads.forEach((gradient, a) => {
      const expected = inputs[a]!.map((_, i) => {
        const moved = (d: number) => inputs.map((v, b) => (a === b ? v.map((w, j) => (i === j ? w + d : w)) : v));
        return (loss(moved(1e-6)) - loss(moved(-1e-6))) / 2e-6;
      });
      expectClose(gradient.dataSync(), expected, { rtol: 1e-5, atol: 1e-6 });
    });
  });

  it('does not overflow on large scores', () => {
    const big = tf.tensor2d(
      p.map((v) => v * 1e4),
      [numSources, heads * width],
    );
    const got = f(big, tensors()[1], tensors()[2]).dataSync();
    expect(got.every(Number.isFinite)).toBe(true);
  });
});
