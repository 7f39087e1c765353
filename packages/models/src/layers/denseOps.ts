/**
 * The dense operations of the layers, with their own gradients.
 *
 * tfjs-core registers no gradients by itself in Node (its `register_all_gradients` is not in the entry point), and
 * composed gradients would make more intermediate tensors than these.
 */

import { columnSumsInto, readTensor, tensorFrom, unfilledTensor } from '@strata-ml/kernels';
import * as tf from '@tensorflow/tfjs-core';

/** h·W + b: float32 `[n, in]`, `[in, out]`, `[out]` to `[n, out]`; differentiable in all three. */
export function affine(h: tf.Tensor2D, weight: tf.Tensor2D, bias: tf.Tensor1D): tf.Tensor2D {
  const op = tf.customGrad((...args) => {
    const [h, weight, bias, save] = args as unknown as [tf.Tensor2D, tf.Tensor2D, tf.Tensor1D, tf.GradSaveFunc];
    save([h, weight]);
    return {
      value: tf.add(tf.matMul(h, weight), bias),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [h, weight] = saved as [tf.Tensor2D, tf.Tensor2D];
        const d = dy as tf.Tensor2D;
        return [tf.matMul(d, weight, false, true), tf.matMul(h, d, true, false), columnSums(d)];
      },
    };
  });
  return op(h, weight, bias) as tf.Tensor2D;
}

/** h·W: float32 `[n, in]`, `[in, out]` to `[n, out]`; differentiable in both. */
export function multiply(h: tf.Tensor2D, weight: tf.Tensor2D): tf.Tensor2D {
  const op = tf.customGrad((...args) => {
    const [h, weight, save] = args as unknown as [tf.Tensor2D, tf.Tensor2D, tf.GradSaveFunc];
    save([h, weight]);
    return {
      value: tf.matMul(h, weight),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [h, weight] = saved as [tf.Tensor2D, tf.Tensor2D];
        const d = dy as tf.Tensor2D;
        return [tf.matMul(d, weight, false, true), tf.matMul(h, d, true, false)];
      },
    };
  });
  return op(h, weight) as tf.Tensor2D;
}

/** X·W for a constant X: only W gets a gradient, and the product for X's is not computed. */
export function multiplyConstant(x: tf.Tensor2D, weight: tf.Tensor2D): tf.Tensor2D {
  const op = tf.customGrad((...args) => {
    const [weight, save] = args as unknown as [tf.Tensor2D, tf.GradSaveFunc];
    save([x]);
    return {
      value: tf.matMul(x, weight),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) =>
        tf.matMul(saved[0] as tf.Tensor2D, dy as tf.Tensor2D, true, false),
    };
  });
  return op(weight) as tf.Tensor2D;
}

/** z + b for every row: float32 `[n, F]`, `[F]`; differentiable in both. */
export function addBias(z: tf.Tensor2D, bias: tf.Tensor1D): tf.Tensor2D {
  const op = tf.customGrad((...args) => {
    const [z, bias] = args as unknown as [tf.Tensor2D, tf.Tensor1D];
    return {
      value: tf.add(z, bias),
      gradFunc: (dy: tf.Tensor) => [dy.clone(), columnSums(dy as tf.Tensor2D)],
    };
  });
  return op(z, bias) as tf.Tensor2D;
}

/** a + b of equal shapes; differentiable in both. */
export function sum(a: tf.Tensor2D, b: tf.Tensor2D): tf.Tensor2D {
  const op = tf.customGrad((...args) => {
    const [a, b] = args as unknown as [tf.Tensor2D, tf.Tensor2D];
    return { value: tf.add(a, b), gradFunc: (dy: tf.Tensor) => [dy.clone(), dy.clone()] };
  });
  return op(a, b) as tf.Tensor2D;
}

/** max(x, 0); the gradient at 0 is 0. */
export function relu(x: tf.Tensor2D): tf.Tensor2D {
  const op = tf.customGrad((...args) => {
    const [x, save] = args as unknown as [tf.Tensor2D, tf.GradSaveFunc];
    const value = tf.relu(x);
    save([value]);
    return {
      value,
      // Two kernels of the backend: 20 times faster than a loop here, whose branch no processor can predict.
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.mul(dy, tf.step(saved[0]!)),
    };
  });
  return op(x) as tf.Tensor2D;
}

/** Mean over heads: float32 `[n, heads·D]` to `[n, D]`. */
export function averageHeads(x: tf.Tensor2D, heads: number): tf.Tensor2D {
  const [n, columns] = x.shape;
  const width = columns / heads;
  const op = tf.customGrad((...args) => {
    const [x] = args as unknown as [tf.Tensor2D];
    return {
      value: tensorFrom([n, width], (out) => {
        const xs = readTensor(x);
        for (let i = 0; i < out.length; i++) {
          const row = Math.floor(i / width) * columns + (i % width);
          let total = 0;
          for (let k = 0; k < columns; k += width) total += xs[row + k]!;
          out[i] = total / heads;
        }
      }),
      gradFunc: (dy: tf.Tensor) =>
        tensorFrom([n, columns], (out) => {
          const d = readTensor(dy);
          for (let i = 0; i < out.length; i++) {
            out[i] = d[Math.floor(i / columns) * width + (i % width)]! / heads;
          }
        }),
    };
  });
  return op(x) as tf.Tensor2D;
}

/** Σ over rows in float64, float32 `[F]`. */
function columnSums(x: tf.Tensor2D): tf.Tensor1D {
  return unfilledTensor([x.shape[1]], (out) => columnSumsInto(readTensor(x), out)) as tf.Tensor1D;
}
