/**
 * GPT: a decoder of pre-LayerNorm blocks with learned positions, as differentiable functions of explicit weights.
 *
 * Embedding, blocks and head are separate, so that a pipeline may cut between any two of them, and each runs on whole
 * weights or on one device's part of them. Radford et al.: "Language models are unsupervised multitask learners", 2019.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { GptConfig } from './GptConfig.js';
import { gptBlock } from './gptBlock.js';
import { gptEmbedding } from './gptEmbedding.js';
import { gptHead } from './gptHead.js';
import type { TransformerOptions, TransformerWeights } from './TransformerOptions.js';

/** Embedding, all blocks and head: logits, float32 `[batch, length, vocabulary]`. */
export function gptLogits(
  tokens: tf.Tensor2D,
  weights: TransformerWeights,
  config: GptConfig,
  options: TransformerOptions = {},
): tf.Tensor3D {
  return tf.tidy(() => {
    let x = gptEmbedding(tokens, weights, config, options);
    for (let layer = 0; layer < config.layers; layer++) x = gptBlock(x, weights, layer, config, options);
    return gptHead(x, weights, config, options);
  });
}
