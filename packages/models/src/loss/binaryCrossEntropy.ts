/** Binary cross-entropy of independent labels, as a sum over given rows with a given divisor. */
import { DataError, ShapeError } from '@strata-ml/core';
import { readTensor, tensorFrom } from '@strata-ml/kernels';
import * as tf from '@tensorflow/tfjs-core';

/**
 * Σ_{v in rows} Σ_c −[y log σ(x) + (1 − y) log(1 − σ(x))] / divisor, a float32 scalar; differentiable in the logits.
 *
 * Evaluated as max(x, 0) − x·y + log(1 + e^{−|x|}), which neither overflows nor cancels. Summed over the classes of a
 * vertex; divide by the number of classes too for a mean over all entries.
 *
 * @param logits - float32 `[n, C]`
 * @param multiLabels - 0 or 1, uint8 `[n, C]` row by row
 * @param rows - rows that count
 * @param divisor - > 0; the global number of training vertices
 * @throws {@link ShapeError} if `multiLabels` is not `[n, C]`.
 * @throws {@link DataError} if a row is out of range.
 */
export function bceSum(logits: tf.Tensor2D, multiLabels: Uint8Array, rows: Int32Array, divisor: number): tf.Scalar {
  const [n, classes] = logits.shape;
  if (multiLabels.length !== n * classes) {
    throw new ShapeError('bceSum', 'multiLabels', [multiLabels.length], `[${n}, ${classes}]`);
  }
  for (const v of rows) {
    if (!(v >= 0 && v < n)) throw new DataError(`bceSum: rows must be in 0 … ${n - 1}, got ${v}`);
  }
  const op = tf.customGrad((...args) => {
    const [logits, save] = args as unknown as [tf.Tensor2D, tf.GradSaveFunc];
    save([logits]);
    let sum = 0;
    const x = readTensor(logits);
    for (const v of rows) {
      for (let i = v * classes; i < (v + 1) * classes; i++) {
        const score = x[i]!;
        sum += Math.max(score, 0) - score * multiLabels[i]! + Math.log1p(Math.exp(-Math.abs(score)));
      }
    }
    return {
      value: tf.scalar(sum / divisor),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const scale = readTensor(dy)[0]! / divisor;
        return tensorFrom([n, classes], (out) => {
          const x = readTensor(saved[0]!);
          out.fill(0);
          for (const v of rows) {
            for (let i = v * classes; i < (v + 1) * classes; i++) {
              out[i]! += scale * (1 / (1 + Math.exp(-x[i]!)) - multiLabels[i]!);
            }
          }
        });
      },
    };
  });
  return op(logits) as tf.Scalar;
}
