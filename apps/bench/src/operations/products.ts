/** Matrix products in all transposed forms, batched or not. */
import * as tf from '@tensorflow/tfjs-core';
import { fill } from '../contenders/inputs.js';
import { type Operation, total } from './Operation.js';
import type { ProductSpec } from './spec.js';

export function product({ batch, m, k, n, transposeA, transposeB }: ProductSpec): Operation {
  const [x, y] = [fill(batch * m * k, 1), fill(batch * k * n, 2)];
  const tensor = (values: Float32Array, rows: number, cols: number) =>
    batch > 1 ? tf.tensor3d(values, [batch, rows, cols]) : tf.tensor2d(values, [rows, cols]);
  const a = transposeA ? tensor(x, k, m) : tensor(x, m, k);
  const b = transposeB ? tensor(y, n, k) : tensor(y, k, n);
  return {
    run: () => tf.matMul(a, b, transposeA, transposeB),
    element(i) {
      const [s, row, col] = [Math.floor(i / (m * n)), Math.floor(i / n) % m, i % n];
      const [of, by] = [s * m * k, s * k * n];
      return total(
        k,
        (j) => x[of + (transposeA ? j * m + row : row * k + j)]! * y[by + (transposeB ? col * k + j : j * n + col)]!,
      );
    },
  };
}
