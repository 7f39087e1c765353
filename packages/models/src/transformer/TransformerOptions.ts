/** What every part of a transformer takes: weights by name, and how it runs. */
import { OptionError, Rng } from '@strata-ml/core';
import type { DropoutKey } from '@strata-ml/kernels';
import type * as tf from '@tensorflow/tfjs-core';
import { transformerOperations } from './operations.js';
import type { TensorParallel } from './TensorParallel.js';

/** Parameters by the names of `gptParameters`; each device's own part where they are cut. */
export type TransformerWeights = Readonly<Record<string, tf.Tensor>>;

/** How a part of a model runs. */
export interface TransformerOptions {
  /** How the matrices are cut. @defaultValue `singleDevice` */
  readonly tensorParallel?: TensorParallel;
  /** Whether dropout applies. @defaultValue `false` */
  readonly training?: boolean;
  /** Key of the masks of one pass, from {@link transformerDropoutKey}; needed for training with dropout. */
  readonly dropoutKey?: DropoutKey;
}

/**
 * The key of all dropout masks of one micro-batch: the same key gives the same masks again, when a pass is recomputed.
 * Layers derive their own keys from it.
 */
export function transformerDropoutKey(seed: number, iteration: number, microBatch: number): DropoutKey {
  return new Rng(seed).split('dropout', iteration, microBatch).key;
}

/**
 * Dropout at one place of the model, if it applies.
 *
 * @throws {@link OptionError} if it applies and there is no key.
 */
export function dropout(
  x: tf.Tensor,
  rate: number,
  { training = false, dropoutKey }: TransformerOptions,
  ...site: readonly (string | number)[]
): tf.Tensor {
  if (!training || rate === 0) return x;
  if (!dropoutKey) throw new OptionError('transformer', 'dropoutKey', undefined, 'given for training with dropout');
  return transformerOperations().dropout(x, rate, new Rng(dropoutKey).split(...site).key);
}
