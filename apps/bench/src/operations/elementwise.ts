/** Functions of every element, and sums with broadcasting. */
import * as tf from '@tensorflow/tfjs-core';
import { fill } from '../contenders/inputs.js';
import type { Operation } from './Operation.js';
import { type AddSpec, EXPONENT, MATRIX, type UnarySpec } from './spec.js';

const [ROWS, COLS] = MATRIX;

/** 2/√π Σ (−1)ⁿ x²ⁿ⁺¹ / (n! (2n + 1)): exact to float64 for the small |x| here. */
function erf(x: number): number {
  let [term, sum] = [x, x];
  for (let n = 1; n < 30; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

const FUNCTIONS: Readonly<Record<UnarySpec['name'], readonly [(x: tf.Tensor) => tf.Tensor, (x: number) => number]>> = {
  exp: [tf.exp, Math.exp],
  log: [tf.log, Math.log],
  tanh: [tf.tanh, Math.tanh],
  sigmoid: [tf.sigmoid, (x) => 1 / (1 + Math.exp(-x))],
  erf: [tf.erf, erf],
  gelu: [composedGelu, (x) => (x / 2) * (1 + erf(x / Math.SQRT2))],
  pow: [(x) => tf.pow(x, EXPONENT), (x) => x ** EXPONENT],
  cast: [(x) => tf.cast(x, 'int32'), Math.trunc],
};

/** tfjs has none: x/2 · (1 + erf(x/√2)). */
function composedGelu(x: tf.Tensor): tf.Tensor {
  return tf.tidy(() => tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1)));
}

export function unary({ name, shift }: UnarySpec, gelu = composedGelu): Operation {
  const [known, definition] = FUNCTIONS[name];
  const call = name === 'gelu' ? gelu : known;
  // Wider than ±0.5, so that casts have something to cut off.
  const x = fill(ROWS * COLS, 1, name === 'cast' ? 200 : 1).map((v) => v + shift);
  const a = tf.tensor2d(x, [ROWS, COLS]);
  return { run: () => call(a), element: (i) => definition(x[i]!) };
}

export function add({ other: [rows, cols] }: AddSpec): Operation {
  const [x, y] = [fill(ROWS * COLS, 1), fill(rows * cols, 2)];
  const [a, b] = [tf.tensor2d(x, [ROWS, COLS]), tf.tensor2d(y, [rows, cols])];
  return {
    run: () => tf.add(a, b),
    element(i) {
      const [r, c] = [Math.floor(i / COLS), i % COLS];
      return x[i]! + y[(rows === 1 ? 0 : r) * cols + (cols === 1 ? 0 : c)]!;
    },
  };
}
