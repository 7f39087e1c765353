/**
 * Cross-entropy of logits whose columns are spread over tensor ranks: three small all-reduces, no logits travel.
 *
 * Shoeybi et al., arXiv:1909.08053, section 3.
 */
import { readTensor, unfilledTensor } from '@strata-ml/kernels';
import { IGNORED_TARGET } from '@strata-ml/models';
import * as tf from '@tensorflow/tfjs-core';
import type { GroupTensorParallel } from './groupTensorParallel.js';

/**
 * Mean of −log softmax(logits)[target] over the rows that count, in nats; the same on every rank. Differentiable in the
 * logits without communication: softmax minus one-hot in the own columns.
 *
 * @param logits - scores of this rank's tokens, float32 `[…, count]`
 * @param targets - the token that follows each, int32 `[rows]`; `IGNORED_TARGET` does not count
 * @param firstToken - token of column 0
 */
export function vocabularyCrossEntropy(
  logits: tf.Tensor,
  targets: Int32Array,
  firstToken: number,
  parallel: GroupTensorParallel,
): tf.Scalar {
  const columns = logits.shape.at(-1)!;
  const rows = targets.length;
  const counted = Math.max(
    1,
    targets.reduce((count, target) => count + (target === IGNORED_TARGET ? 0 : 1), 0),
  );
  const op = tf.customGrad((...args) => {
    const [logits, save] = args as unknown as [tf.Tensor, tf.GradSaveFunc];
    const scores = readTensor(logits).slice();
    const max = rowMaxima(scores, rows, columns);
    parallel.allReduce(max, 'max');
    const target = targetScores(scores, targets, firstToken, columns);
    parallel.allReduce(target, 'sum');
    const sum = exponentials(scores, max, columns);
    parallel.allReduce(sum, 'sum');
    let loss = 0;
    for (let row = 0; row < rows; row++) {
      if (targets[row] !== IGNORED_TARGET) loss += Math.log(sum[row]!) + max[row]! - target[row]!;
    }
    const slope = unfilledTensor(logits.shape, (out) => {
      // `scores` holds exp(score − max) by now.
      for (let row = 0; row < rows; row++) {
        const scale = targets[row] === IGNORED_TARGET ? 0 : 1 / (sum[row]! * counted);
        for (let i = row * columns; i < (row + 1) * columns; i++) out[i] = scores[i]! * scale;
        const own = targets[row]! - firstToken;
        if (own >= 0 && own < columns) out[row * columns + own]! -= 1 / counted;
      }
    });
    save([slope]);
    return {
      value: tf.scalar(loss / counted),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.mul(saved[0]!, dy),
    };
  });
  return op(logits) as tf.Scalar;
}

function rowMaxima(scores: Float32Array, rows: number, columns: number): Float32Array {
  const max = new Float32Array(rows).fill(Number.NEGATIVE_INFINITY);
  for (let i = 0; i < scores.length; i++) {
    const row = Math.floor(i / columns);
    // NaN must not be lost: it fails every comparison.
    if (!(scores[i]! <= max[row]!)) max[row] = scores[i]!;
  }
  return max;
}

function targetScores(scores: Float32Array, targets: Int32Array, firstToken: number, columns: number): Float32Array {
  return Float32Array.from(targets, (token, row) => {
    const own = token - firstToken;
    return own >= 0 && own < columns ? scores[row * columns + own]! : 0;
  });
}

/** Replaces scores by exp(score − max); returns their sums by row. */
function exponentials(scores: Float32Array, max: Float32Array, columns: number): Float32Array {
  const sums = new Float32Array(max.length);
  for (let row = 0; row < max.length; row++) {
    let sum = 0;
    for (let i = row * columns; i < (row + 1) * columns; i++) {
      scores[i] = Math.exp(scores[i]! - max[row]!);
      sum += scores[i]!;
    }
    sums[row] = sum;
  }
  return sums;
}
