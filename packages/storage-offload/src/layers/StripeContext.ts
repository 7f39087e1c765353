/** The graph as a summing layer sees it when its sums are there already: some rows of a partition, each with its sum. */
import type { GraphContext, NeighbourBlock } from '@strata-ml/models';
import * as tf from '@tensorflow/tfjs-core';

/** Rows of a partition in a summing layer; their dropout is done. */
export class StripeContext implements GraphContext {
  readonly numOwned: number;
  readonly numSources: number;
  readonly inputWidth = 0;
  readonly globalRows: number;
  readonly training: boolean;
  input: tf.Tensor2D | undefined;
  readonly #sums: tf.Tensor2D;

  /** @param sums - of the rows, float32 `[rows, width]` */
  constructor(sums: tf.Tensor2D, globalRows: number, training: boolean) {
    this.#sums = sums;
    this.numOwned = sums.shape[0];
    this.numSources = sums.shape[0];
    this.globalRows = globalRows;
    this.training = training;
  }

  projectInput(weight: tf.Tensor2D): tf.Tensor2D {
    return tf.matMul(this.input!, weight);
  }

  enter(h: tf.Tensor2D): tf.Tensor2D {
    return h;
  }

  destinations(h: tf.Tensor2D): tf.Tensor2D {
    return h;
  }

  exchange(h: tf.Tensor2D): tf.Tensor2D {
    return h;
  }

  aggregate(): tf.Tensor2D {
    return this.#sums;
  }

  aggregateSources(): tf.Tensor2D {
    return this.#sums;
  }

  blockOf(): NeighbourBlock {
    return { indptr: new Int32Array(1), indices: new Int32Array(0) };
  }

  dropout(h: tf.Tensor2D): tf.Tensor2D {
    return h;
  }

  allReduceSum(_sums: Float64Array): void {}
}
