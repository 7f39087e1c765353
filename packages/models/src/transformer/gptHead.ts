/** Where vectors become scores of tokens, and scores a loss. */
import * as tf from '@tensorflow/tfjs-core';
import type { GptConfig } from './GptConfig.js';
import { transformerOperations } from './operations.js';
import { singleDevice, type TensorParallel } from './TensorParallel.js';
import type { TransformerOptions, TransformerWeights } from './TransformerOptions.js';

/** Target of a token that does not count in the loss; PyTorch's value. */
export const IGNORED_TARGET = -100;

/**
 * Final layer normalisation and the scores of all tokens.
 *
 * With tensor parallelism these are the scores of the device's own rows of the vocabulary, without the rows that only
 * pad it: tokens `vocabularyRange(config, tensorParallel)`.
 *
 * @param x - float32 `[batch, length, width]`
 * @returns logits, float32 `[batch, length, vocabulary]`
 */
export function gptHead(
  x: tf.Tensor,
  weights: TransformerWeights,
  config: GptConfig,
  { tensorParallel = singleDevice }: TransformerOptions = {},
): tf.Tensor3D {
  const { layerNorm } = transformerOperations();
  const { count } = vocabularyRange(config, tensorParallel);
  return tf.tidy(() => {
    const normed = layerNorm(x, weights['ln_f.weight']!, weights['ln_f.bias']!, config.layerNormEpsilon);
    const rows = tf.reshape(tensorParallel.copyToRegion(normed), [-1, config.width]);
    const table = weights[config.tied ? 'wte.weight' : 'lm_head.weight'] as tf.Tensor2D;
    const own = count === table.shape[0] ? table : tf.slice(table, [0, 0], [count, config.width]);
    return tf.reshape(tf.matMul(rows, own, false, true), [x.shape[0]!, x.shape[1]!, count]);
  });
}

/** The tokens whose scores a device has: the first, and how many without those that only pad the table. */
export function vocabularyRange(
  { vocabulary, paddedVocabulary }: Pick<GptConfig, 'vocabulary' | 'paddedVocabulary'>,
  { size, rank }: Pick<TensorParallel, 'size' | 'rank'> = singleDevice,
): { readonly first: number; readonly count: number } {
  const rows = paddedVocabulary / size;
  return { first: rank * rows, count: Math.max(0, Math.min(rows, vocabulary - rank * rows)) };
}

/**
 * Mean cross-entropy in nats over the tokens that count; differentiable in the logits. None that counts gives 0.
 *
 * @param logits - float32 `[…, vocabulary]`
 * @param targets - int32 `[…]`: the token that follows each, or that was masked; {@link IGNORED_TARGET} does not count
 */
export function languageModelLoss(logits: tf.Tensor, targets: tf.Tensor): tf.Scalar {
  const { softmaxCrossEntropy } = transformerOperations();
  return tf.tidy(() => softmaxCrossEntropy(logits, targets, { ignoreIndex: IGNORED_TARGET }) as tf.Scalar);
}
