/** Classification metrics as counts, so that they can be summed over devices before they become ratios. */

import { readTensor } from '@strata-ml/kernels';
import type * as tf from '@tensorflow/tfjs-core';

/** Result of {@link accuracy}. */
export interface AccuracyCounts {
  /** Rows whose highest score is their label's. */
  readonly correct: number;
  /** Rows that were counted. */
  readonly total: number;
  /** correct / total; 0 if there are none. */
  readonly value: number;
}

/**
 * Counts rows whose highest score is at their label; ties go to the lowest class. NaN scores count as wrong.
 *
 * @param logits - float32 `[n, C]`
 * @param labels - int32 `[n]`
 * @param rows - rows that count
 */
export function accuracy(logits: tf.Tensor2D, labels: Int32Array, rows: Int32Array): AccuracyCounts {
  const classes = logits.shape[1];
  const x = readTensor(logits);
  let correct = 0;
  for (const v of rows) {
    let best = -1;
    let highest = Number.NEGATIVE_INFINITY;
    for (let c = 0; c < classes; c++) {
      const score = x[v * classes + c]!;
      if (score > highest) {
        highest = score;
        best = c;
      }
    }
    if (best === labels[v]) correct++;
  }
  return { correct, total: rows.length, value: rows.length > 0 ? correct / rows.length : 0 };
}

/** Result of {@link microF1}. */
export interface F1Counts {
  readonly truePositives: number;
  readonly falsePositives: number;
  readonly falseNegatives: number;
  /** 2·TP / (2·TP + FP + FN); 0 if nothing is or should be positive. */
  readonly value: number;
}

/**
 * Counts predicted (score > 0, that is probability > 0.5) against true labels over all rows and classes.
 *
 * @param logits - float32 `[n, C]`
 * @param multiLabels - 0 or 1, uint8 `[n, C]`
 * @param rows - rows that count
 */
export function microF1(logits: tf.Tensor2D, multiLabels: Uint8Array, rows: Int32Array): F1Counts {
  const classes = logits.shape[1];
  const x = readTensor(logits);
  let truePositives = 0;
  let falsePositives = 0;
  let falseNegatives = 0;
  for (const v of rows) {
    for (let i = v * classes; i < (v + 1) * classes; i++) {
      const isPredicted = x[i]! > 0;
      if (multiLabels[i] === 1) isPredicted ? truePositives++ : falseNegatives++;
      else if (isPredicted) falsePositives++;
    }
  }
  const all = 2 * truePositives + falsePositives + falseNegatives;
  return { truePositives, falsePositives, falseNegatives, value: all > 0 ? (2 * truePositives) / all : 0 };
}
