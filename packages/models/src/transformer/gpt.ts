/**
 * GPT: a decoder of pre-LayerNorm blocks with learned positions, as differentiable functions of explicit weights.
 *
 * Embedding, blocks and head are separate, so that a pipeline may cut between any two of them, and each runs on whole
 * weights or on one device's part of them. Radford et al.: "Language models are unsupervised multitask learners", 2019.
 */
import { DataError, ShapeError } from '@strata-ml/core';
import * as tf from '@tensorflow/tfjs-core';
import type { GptConfig } from './GptConfig.js';
import { lookUp } from './lookUp.js';
import { transformerOperations } from './operations.js';
import { singleDevice, type TensorParallel } from './TensorParallel.js';
import { dropout, type TransformerOptions, type TransformerWeights } from './TransformerOptions.js';
import { transformerBlock } from './transformerBlock.js';

/**
 * Token embedding plus position embedding, then dropout.
 *
 * With tensor parallelism each device looks up the tokens in its rows of the table, and the results are summed.
 *
 * @param tokens - int32 `[batch, length]`, each in 0 … vocabulary − 1; length at most the context
 * @returns float32 `[batch, length, width]`
 * @throws {@link ShapeError} if there are more tokens than positions; {@link DataError} if a token is out of range.
 */
export function gptEmbedding(
  tokens: tf.Tensor2D,
  weights: TransformerWeights,
  config: GptConfig,
  { tensorParallel = singleDevice, ...options }: TransformerOptions = {},
): tf.Tensor3D {
  const [batch, length] = tokens.shape;
  if (length > config.context) {
    throw new ShapeError('gptEmbedding', 'tokens', tokens.shape, `at most ${config.context} tokens in a sequence`);
  }
  const ids = tokens.dataSync<'int32'>();
  const wrong = ids.findIndex((token) => !(token >= 0 && token < config.vocabulary));
  if (wrong >= 0) {
    throw new DataError(`gptEmbedding: tokens must be in 0 … ${config.vocabulary - 1}, got ${ids[wrong]} at ${wrong}`);
  }
  const table = weights['wte.weight'] as tf.Tensor2D;
  const firstRow = tensorParallel.rank * table.shape[0];
  const words = tensorParallel.reduceFromRegion(
    tf.reshape(lookUp(table, ids, firstRow), [batch, length, config.width]),
  );
  const places = tf.slice(weights['wpe.weight'] as tf.Tensor2D, [0, 0], [length, config.width]);
  return dropout(tf.add(words, places), config.dropout, options, 'embedding') as tf.Tensor3D;
}

/**
 * One block: x + attention(norm(x)), then x + MLP(norm(x)) with 4·h inner columns and GELU (tanh form).
 *
 * With tensor parallelism it runs two all-reduces forward (at the end of each branch) and two backward (at their start);
 * the biases after a reduction are added once. Attention probabilities are never dropped.
 *
 * @param x - float32 `[batch, length, width]`
 * @param layer - which block, from 0
 * @returns float32 `[batch, length, width]`
 */
export function gptBlock(
  x: tf.Tensor,
  weights: TransformerWeights,
  layer: number,
  config: GptConfig,
  options: TransformerOptions = {},
): tf.Tensor3D {
  return transformerBlock(x, (name) => weights[`h.${layer}.${name}`]!, config, { ...options, causal: true, layer });
}

/**
 * Final layer normalisation and the scores of all tokens.
 *
 * With tensor parallelism these are the scores of the device's own rows of the vocabulary, without the rows that only
 * pad it; for a loss over all of them see `vocabularyRange`.
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
  const h = tensorParallel.copyToRegion(
    layerNorm(x, weights['ln_f.weight']!, weights['ln_f.bias']!, config.layerNormEpsilon),
  );
  const table = weights[config.tied ? 'wte.weight' : 'lm_head.weight'] as tf.Tensor2D;
  const { count } = vocabularyRange(config, tensorParallel);
  const rows = count === table.shape[0] ? table : tf.slice(table, [0, 0], [count, config.width]);
  const logits = tf.matMul(tf.reshape(h, [-1, config.width]), rows, false, true);
  return tf.reshape(logits, [x.shape[0]!, x.shape[1]!, count]);
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
 * Mean cross-entropy over all tokens, in nats; differentiable in the logits.
 *
 * @param logits - float32 `[…, vocabulary]`
 * @param targets - int32 `[…]`, the token that follows each
 */
export function languageModelLoss(logits: tf.Tensor, targets: tf.Tensor): tf.Scalar {
  return transformerOperations().softmaxCrossEntropy(logits, targets) as tf.Scalar;
}

/** Embedding, all blocks and head on one device: logits, float32 `[batch, length, vocabulary]`. */
export function gptLogits(
  tokens: tf.Tensor2D,
  weights: TransformerWeights,
  config: GptConfig,
  options: TransformerOptions = {},
): tf.Tensor3D {
  let x = gptEmbedding(tokens, weights, config, options);
  for (let layer = 0; layer < config.layers; layer++) x = gptBlock(x, weights, layer, config, options);
  return gptHead(x, weights, config, options);
}
