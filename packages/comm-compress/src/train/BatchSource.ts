/** Where micro-batches come from: every rank can make any of them, so grids see the same data in the same order. */
import { OptionError, Rng } from '@strata-ml/core';
import { type MaskOptions, maskTokens } from '@strata-ml/models';
import type { MicroBatch } from '../stages/StageModule.js';

/** A data set as micro-batches. */
export interface BatchSource {
  /**
   * A training micro-batch.
   *
   * @param firstSample - number of its first sample, counted over the whole run
   * @param samples - samples in it
   */
  training(firstSample: number, samples: number): MicroBatch;
  /** Samples that evaluation can read. */
  readonly evaluationSamples: number;
  /** Likewise for evaluation: samples 0 … evaluationSamples − 1. */
  evaluation(firstSample: number, samples: number): MicroBatch;
}

/** Options of {@link tokenBatches}. */
export interface TokenBatchOptions {
  /** Tokens to train on. int32, best over shared memory. */
  readonly train: Int32Array;
  /** Tokens to evaluate on. @defaultValue none */
  readonly validation?: Int32Array;
  /** Tokens per sample. */
  readonly context: number;
  readonly seed: number;
  /** Hide tokens, and ask for these instead of those that follow: the task of an encoder. @defaultValue none */
  readonly mask?: MaskOptions;
}

/**
 * Windows of a text: training samples begin at random places that only their number decides, evaluation samples lie one
 * behind the other. Targets are the tokens that follow, or, with `mask`, those that were hidden.
 *
 * @throws {@link OptionError} if a text is shorter than one window.
 */
export function tokenBatches({ train, validation, context, seed, mask }: TokenBatchOptions): BatchSource {
  for (const [name, tokens] of Object.entries({ train, validation })) {
    if (tokens && tokens.length <= context) {
      throw new OptionError('tokenBatches', name, `${tokens.length} tokens`, `more than a window of ${context}`);
    }
  }
  const rng = new Rng(seed).split('samples');
  const masks = new Rng(seed).split('masks');
  const windows = (tokens: Int32Array, startOf: (sample: number) => number) => {
    return (firstSample: number, samples: number): MicroBatch => {
      const inputs = new Int32Array(samples * context);
      const targets = new Int32Array(samples * context);
      for (let i = 0; i < samples; i++) {
        const start = startOf(firstSample + i);
        const window = tokens.subarray(start, start + context);
        const sample = mask
          ? maskTokens(window, masks.split(firstSample + i), mask)
          : { inputs: window, targets: tokens.subarray(start + 1, start + 1 + context) };
        inputs.set(sample.inputs, i * context);
        targets.set(sample.targets, i * context);
      }
      return {
        inputs: { data: inputs, shape: [samples, context] },
        targets: { data: targets, shape: [samples, context] },
      };
    };
  };
  return {
    training: windows(train, (sample) => rng.intAt(train.length - context, sample)),
    evaluationSamples: validation ? Math.floor((validation.length - 1) / context) : 0,
    evaluation: windows(validation ?? train, (sample) => sample * context),
  };
}
