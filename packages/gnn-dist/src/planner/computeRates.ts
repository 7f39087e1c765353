/** Measures how fast this machine multiplies and sums rows: what predictions of compute stand on. */
import { availableParallelism } from 'node:os';
import { performance } from 'node:perf_hooks';
import { initEngine, Rng } from '@strata-ml/core';
import { readTensor, SparseOperator, spmmInto } from '@strata-ml/kernels';
import * as tf from '@tensorflow/tfjs-core';
import type { ComputeRates } from './predictStep.js';

const ROUNDS = 5;

/** Times a dense and a sparse product of typical shape, the fastest of a few rounds each; about 100 ms. */
export async function measureComputeRates(hidden = 64): Promise<ComputeRates> {
  await initEngine({});
  const rows = 4096;
  const inner = 256;
  const rng = new Rng(1);
  const a = tf.tensor2d(
    Float32Array.from({ length: rows * inner }, (_, i) => rng.uniformAt(i)),
    [rows, inner],
  );
  const b = tf.tensor2d(
    Float32Array.from({ length: inner * hidden }, (_, i) => rng.uniformAt(i, 1)),
    [inner, hidden],
  );
  const dense = fastest(() => {
    const product = tf.matMul(a, b);
    readTensor(product);
    product.dispose();
  });
  a.dispose();
  b.dispose();

  const vertices = 20_000;
  const degree = 10;
  const indptr = Int32Array.from({ length: vertices + 1 }, (_, v) => v * degree);
  const indices = Int32Array.from({ length: vertices * degree }, (_, e) => rng.intAt(vertices, e, 2));
  const operator = new SparseOperator({ rows: vertices, cols: vertices, indptr, indices });
  const x = new Float32Array(vertices * hidden).fill(1);
  const out = new Float32Array(vertices * hidden);
  const sparse = fastest(() => spmmInto(operator, x, hidden, out));
  operator.dispose();
  return {
    denseMacsPerS: (rows * inner * hidden) / dense,
    sparseFloatsPerS: (vertices * degree * hidden) / sparse,
    parallelDevices: availableParallelism(),
  };
}

function fastest(run: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < ROUNDS; i++) {
    const start = performance.now();
    run();
    best = Math.min(best, (performance.now() - start) / 1000);
  }
  return best;
}
