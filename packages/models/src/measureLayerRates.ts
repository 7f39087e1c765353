/** How fast this machine computes what layers of graph networks are made of: what predicted seconds stand on. */
import { performance } from 'node:perf_hooks';
import { Rng } from '@strata-ml/core';
import { readTensor, SparseOperator, spmmInto } from '@strata-ml/kernels';
import * as tf from '@tensorflow/tfjs-core';

/** Speeds of one thread. */
export interface LayerRates {
  /** Multiplications with addition in dense products, per second. */
  readonly denseMacsPerSecond: number;
  /** Numbers added in sums over neighbours, per second. */
  readonly sparseFloatsPerSecond: number;
  /** Bytes of rows copied, per second. */
  readonly copyBytesPerSecond: number;
}

const ROUNDS = 5;

/**
 * Times a dense product, a sum over neighbours and a copy of typical shapes, the fastest of a few rounds each; about
 * 100 ms. An engine must run in this thread.
 *
 * @param hidden - columns of the products. @defaultValue `64`
 */
export function measureLayerRates(hidden = 64): LayerRates {
  const rows = 4096;
  const inner = 256;
  const rng = new Rng(1);
  const values = (count: number, j: number) => Float32Array.from({ length: count }, (_, i) => rng.uniformAt(i, j));
  const a = tf.tensor2d(values(rows * inner, 0), [rows, inner]);
  const b = tf.tensor2d(values(inner * hidden, 1), [inner, hidden]);
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
  const copy = fastest(() => out.set(x));
  return {
    denseMacsPerSecond: (rows * inner * hidden) / dense,
    sparseFloatsPerSecond: (vertices * degree * hidden) / sparse,
    copyBytesPerSecond: x.byteLength / copy,
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
