/** Cross-entropy of class scores, as a sum over given rows with a given divisor. */
import { DataError, ShapeError } from '@strata-ml/core';
import { readTensor, tensorFrom } from '@strata-ml/kernels';
import * as tf from '@tensorflow/tfjs-core';

/**
 * Σ_{v in rows} −log softmax(logits[v])[labels[v]] / divisor, a float32 scalar; differentiable in the logits.
 *
 * Log-softmax subtracts the row maximum and sums in float64. On a cluster each device passes its own rows and the
 * *global* number of training vertices, and gradients are summed: exactly the one-device loss. No rows give 0.
 *
 * @param logits - float32 `[n, C]`
 * @param labels - class of each row, int32 `[n]`
 * @param rows - rows that count, each in 0 … n−1
 * @param divisor - > 0
 * @throws {@link ShapeError} if `labels` is not `[n]`.
 * @throws {@link DataError} if a row is out of range, or its label is −1 or not below C.
 */
export function crossEntropySum(logits: tf.Tensor2D, labels: Int32Array, rows: Int32Array, divisor: number): tf.Scalar {
  const [n, classes] = logits.shape;
  if (labels.length !== n) throw new ShapeError('crossEntropySum', 'labels', [labels.length], `[${n}]`);
  for (const v of rows) {
    if (!(v >= 0 && v < n)) throw new DataError(`crossEntropySum: rows must be in 0 … ${n - 1}, got ${v}`);
    const label = labels[v]!;
    if (!(label >= 0 && label < classes)) {
      throw new DataError(
        `crossEntropySum: label of row ${v} must be in 0 … ${classes - 1}, got ${label}; ` +
          'leave unlabelled vertices out of the split',
        { row: v, label },
      );
    }
  }
  const op = tf.customGrad((...args) => {
    const [logits, save] = args as unknown as [tf.Tensor2D, tf.GradSaveFunc];
    save([logits]);
    let sum = 0;
    const x = readTensor(logits);
    for (const v of rows) sum += logSumExp(x, v * classes, classes) - x[v * classes + labels[v]!]!;
    return {
      value: tf.scalar(sum / divisor),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const scale = readTensor(dy)[0]! / divisor;
        return tensorFrom([n, classes], (out) => {
          const x = readTensor(saved[0]!);
          out.fill(0);
          for (const v of rows) {
            const at = v * classes;
            const shift = logSumExp(x, at, classes);
            for (let c = 0; c < classes; c++) out[at + c]! += scale * Math.exp(x[at + c]! - shift);
            out[at + labels[v]!]! -= scale;
          }
        });
      },
    };
  });
  return op(logits) as tf.Scalar;
}

/** log Σ exp of one row, without overflow. */
function logSumExp(x: Float32Array, at: number, width: number): number {
  let largest = -Infinity;
  for (let c = at; c < at + width; c++) largest = Math.max(largest, x[c]!);
  let sum = 0;
  for (let c = at; c < at + width; c++) sum += Math.exp(x[c]! - largest);
  return largest + Math.log(sum);
}
