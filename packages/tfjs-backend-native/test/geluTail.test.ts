import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { linear } from '../src/index.js';
import { useEngine } from './support/engines.js';
import { registerGradients } from './support/gradients.js';

// Two chunks of rows, the second one shorter, and columns that are no whole vectors.
const [ROWS, WIDTH, OUT] = [1003, 3, 70];

/** GELU by tanh and its derivative, in float64. */
function gelu(x: number): { readonly value: number; readonly slope: number } {
  const t = Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3));
  const inner = Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * x * x);
  return { value: (x / 2) * (1 + t), slope: (1 + t) / 2 + (x / 2) * (1 - t * t) * inner };
}

describe('a long GELU after a linear layer', () => {
  beforeAll(async () => {
    await useEngine('native');
    await registerGradients();
  });

  it('is its definition, with its gradient, and without a tape the same', () => {
    tf.tidy(() => {
      const x = tf.tensor2d(
        Float32Array.from({ length: ROWS * WIDTH }, (_, i) => ((i * 37) % 101) / 9 - 5.5),
        [ROWS, WIDTH],
      );
      const weight = tf.tensor2d(
        Float32Array.from({ length: WIDTH * OUT }, (_, i) => ((i * 31) % 17) / 9 - 0.9),
        [WIDTH, OUT],
      );
      const bias = tf.tensor1d(Float32Array.from({ length: OUT }, (_, i) => (i % 7) / 3 - 1));
      const [w, b, xs] = [weight.dataSync(), bias.dataSync(), x.dataSync()];
      const z = (row: number, column: number): number => {
        let sum = b[column]!;
        for (let k = 0; k < WIDTH; k++) sum += xs[row * WIDTH + k]! * w[k * OUT + column]!;
        return sum;
      };
      const plain = linear(x, weight, bias, 'gelu').dataSync();
      const { value, grad } = tf.valueAndGrad((offset: tf.Tensor) => tf.sum(linear(x, weight, offset, 'gelu')))(bias);
      const slopes = grad.dataSync();
      let [total, worst] = [0, 0];
      for (let column = 0; column < OUT; column++) {
        let slope = 0;
        for (let row = 0; row < ROWS; row++) {
          const expected = gelu(z(row, column));
          const error = Math.abs(plain[row * OUT + column]! - expected.value);
          worst = Math.max(worst, error / Math.max(1, Math.abs(z(row, column))));
          slope += expected.slope;
          total += expected.value;
        }
        expect(Math.abs(slopes[column]! - slope)).toBeLessThan(1e-5 * ROWS);
      }
      expect(worst).toBeLessThan(1e-6);
      expect(Math.abs(value.dataSync()[0]! - total)).toBeLessThan(1e-5 * Math.abs(total));
    });
  });
});
