/** Accuracy or micro-F1 from counts that are summed over ranks. */
import type { ProcessGroup } from '@strata-ml/core';
import { accuracy, microF1 } from '@strata-ml/models';
import type * as tf from '@tensorflow/tfjs-core';
import type { LocalData } from './localData.js';

/** hits / total is the accuracy, or the micro-F1 (2·TP over 2·TP + FP + FN). */
export type HitCount = readonly [hits: number, total: number];

/** Counts over `rows` of logits float32 `[numOwned, C]`. */
export function countHits(logits: tf.Tensor2D, rows: Int32Array, local: LocalData): HitCount {
  if (local.multiLabels) {
    const { truePositives, falsePositives, falseNegatives } = microF1(logits, local.multiLabels, rows);
    return [2 * truePositives, 2 * truePositives + falsePositives + falseNegatives];
  }
  const { correct, total } = accuracy(logits, local.labels, rows);
  return [correct, total];
}

/** Sums counts over ranks and divides; NaN where nothing was counted. Collective. */
export function reduceScores(world: ProcessGroup, counts: readonly HitCount[]): number[] {
  const flat = Float64Array.from(counts.flat());
  world.allReduce(flat, { phase: 'evaluation' });
  return counts.map((_, i) => flat[2 * i]! / flat[2 * i + 1]!);
}
