/** An operation on the current engine, and its plain float64 definition, element by element. */
import type * as tf from '@tensorflow/tfjs-core';

/** An operation, ready to run. */
export interface Operation {
  run(): tf.Tensor;
  /** Element i of the result, by definition, in float64. */
  element(i: number): number;
}

/** Σ over `count` terms, in float64. */
export function total(count: number, term: (i: number) => number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += term(i);
  return sum;
}
