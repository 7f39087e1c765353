/** Labelled samples as micro-batches. */
import { OptionError, Rng } from '@strata-ml/core';
import type { MicroBatch } from '../stages/StageModule.js';
import type { BatchSource } from './BatchSource.js';

/** Samples one behind the other, and their classes. */
export interface LabelledArrays {
  /** float32 `[samples, …shape]`, best over shared memory. */
  readonly inputs: Float32Array;
  /** int32 `[samples]`. */
  readonly targets: Int32Array;
}

/** Options of {@link arrayBatches}. */
export interface ArrayBatchOptions {
  readonly train: LabelledArrays;
  /** @defaultValue none */
  readonly validation?: LabelledArrays;
  /** Shape of one sample. */
  readonly shape: readonly number[];
  readonly seed: number;
}

/**
 * Training samples are drawn with replacement, by their number; evaluation takes them in order.
 *
 * @throws {@link OptionError} if the lengths of inputs and targets do not fit.
 */
export function arrayBatches({ train, validation, shape, seed }: ArrayBatchOptions): BatchSource {
  const size = shape.reduce((a, b) => a * b, 1);
  for (const [name, arrays] of Object.entries({ train, validation })) {
    if (arrays && arrays.inputs.length !== arrays.targets.length * size) {
      const expected = `${arrays.targets.length * size}, ${size} for each target`;
      throw new OptionError('arrayBatches', `length of ${name} inputs`, arrays.inputs.length, expected);
    }
  }
  const rng = new Rng(seed).split('samples');
  const batches = ({ inputs, targets }: LabelledArrays, rowOf: (sample: number) => number) => {
    return (firstSample: number, samples: number): MicroBatch => {
      const rows = Array.from({ length: samples }, (_, i) => rowOf(firstSample + i));
      const data = new Float32Array(samples * size);
      for (const [i, row] of rows.entries()) data.set(inputs.subarray(row * size, (row + 1) * size), i * size);
      return {
        inputs: { data, shape: [samples, ...shape] },
        targets: { data: Int32Array.from(rows, (row) => targets[row]!), shape: [samples] },
      };
    };
  };
  return {
    training: batches(train, (sample) => rng.intAt(train.targets.length, sample)),
    evaluationSamples: validation?.targets.length ?? 0,
    evaluation: batches(validation ?? train, (sample) => sample),
  };
}
