/** Where tokens become vectors. */
import { DataError, ShapeError } from '@strata-ml/core';
import * as tf from '@tensorflow/tfjs-core';
import type { GptConfig } from './GptConfig.js';
import { lookUp } from './lookUp.js';
import { singleDevice } from './TensorParallel.js';
import { dropout, type TransformerOptions, type TransformerWeights } from './TransformerOptions.js';

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
  options: TransformerOptions = {},
): tf.Tensor3D {
  return embedFrom(0, tokens, weights, config, options);
}

/** {@link gptEmbedding} of tokens whose first one stands at a later position. */
export function embedFrom(
  position: number,
  tokens: tf.Tensor2D,
  weights: TransformerWeights,
  config: GptConfig,
  { tensorParallel = singleDevice, ...options }: TransformerOptions = {},
): tf.Tensor3D {
  const [batch, length] = tokens.shape;
  if (position + length > config.context) {
    throw new ShapeError('gptEmbedding', 'tokens', tokens.shape, `at most ${config.context} tokens in a sequence`);
  }
  const ids = tokens.dataSync<'int32'>();
  const wrong = ids.findIndex((token) => !(token >= 0 && token < config.vocabulary));
  if (wrong >= 0) {
    throw new DataError(`gptEmbedding: tokens must be in 0 … ${config.vocabulary - 1}, got ${ids[wrong]} at ${wrong}`);
  }
  return tf.tidy(() => {
    const table = weights['wte.weight'] as tf.Tensor2D;
    const found = lookUp(table, ids, tensorParallel.rank * table.shape[0]);
    const words = tensorParallel.reduceFromRegion(tf.reshape(found, [batch, length, config.width]));
    const places = tf.slice(weights['wpe.weight'] as tf.Tensor2D, [position, 0], [length, config.width]);
    return dropout(tf.add(words, places), config.dropout, options, 'embedding') as tf.Tensor3D;
  });
}
