/** What partitions add up over an epoch, in float64. */
import { readTensor } from '@strata-ml/kernels';
import { type Parameter, parameterCount } from '@strata-ml/models';
import type * as tf from '@tensorflow/tfjs-core';

/** Sums of one epoch; they are divided once, at its end. */
export class EpochSums {
  /** Σ of cross-entropies. */
  loss = 0;
  /** Correct predictions by split: training, validation, test. */
  readonly correct = new Float64Array(3);
  readonly counted = new Float64Array(3);
  readonly #parameters: readonly Parameter[];
  readonly #gradients: Float64Array;

  constructor(parameters: readonly Parameter[]) {
    this.#parameters = parameters;
    this.#gradients = new Float64Array(parameterCount(parameters));
  }

  /** Adds one partition's gradients, in parameter order; undefined where there is none. */
  add(gradients: readonly (tf.Tensor | undefined)[]): void {
    let at = 0;
    for (const [i, { variable }] of this.#parameters.entries()) {
      const gradient = gradients[i];
      if (gradient) {
        const values = readTensor(gradient);
        for (let j = 0; j < values.length; j++) this.#gradients[at + j]! += values[j]!;
      }
      at += variable.size;
    }
  }

  /** The mean gradient over `count` training vertices, float32 in parameter order. */
  gradients(count: number): Float32Array {
    return Float32Array.from(this.#gradients, (value) => value / count);
  }
}
