/** The block of a transformer: attention and MLP, each on a normalised copy of the residual stream. */
import { OptionError } from '@strata-ml/core';
import * as tf from '@tensorflow/tfjs-core';
import { addBias } from '../layers/denseOps.js';
import type { GptConfig } from './GptConfig.js';
import { transformerOperations } from './operations.js';
import { singleDevice } from './TensorParallel.js';
import { dropout, type TransformerOptions, type TransformerWeights } from './TransformerOptions.js';

/**
 * One block: x + attention(norm(x)), then x + MLP(norm(x)) with 4·h inner columns and GELU (tanh form).
 *
 * With tensor parallelism it runs two all-reduces forward (at the end of each branch) and two backward (at their start);
 * the biases after a reduction are added once. Attention probabilities are never dropped.
 *
 * @param x - float32 `[batch, length, width]`
 * @param layer - which block, from 0
 * @returns float32 `[batch, length, width]`
 * @throws {@link OptionError} if the heads are no multiple of the devices, or dropout applies without a key.
 */
export function gptBlock(
  x: tf.Tensor,
  weights: TransformerWeights,
  layer: number,
  config: GptConfig,
  options: TransformerOptions = {},
): tf.Tensor3D {
  const { size } = options.tensorParallel ?? singleDevice;
  const { causal, heads } = config;
  if (heads % size !== 0) throw new OptionError('gptBlock', 'heads', heads, `a multiple of ${size} devices`);
  const attend: Attend = (qkv) => transformerOperations().selfAttention(qkv, heads / size, { causal, order: 'heads' });
  return blockWith(attend, x, weights, layer, config, options);
}

/** From the queries, keys and values of the new tokens, `[batch, length, 3 · width]`, to what their heads saw. */
export type Attend = (qkv: tf.Tensor3D) => tf.Tensor;

/** {@link gptBlock} with another way to attend. */
export function blockWith(
  attend: Attend,
  x: tf.Tensor,
  weights: TransformerWeights,
  layer: number,
  config: GptConfig,
  { tensorParallel = singleDevice, ...options }: TransformerOptions = {},
): tf.Tensor3D {
  const { linear, layerNorm } = transformerOperations();
  const weight = (name: string) => weights[`h.${layer}.${name}`]!;
  const normed = (x: tf.Tensor, name: string): tf.Tensor =>
    tensorParallel.copyToRegion(
      layerNorm(x, weight(`${name}.weight`), weight(`${name}.bias`), config.layerNormEpsilon),
    );
  /** The end of a branch: the devices' products are summed, the bias is added once. */
  const project = (x: tf.Tensor, name: string, site: string): tf.Tensor => {
    const [matrix, bias] = [weight(`${name}.weight`), weight(`${name}.bias`)];
    const y =
      tensorParallel.size === 1
        ? linear(x, matrix, bias)
        : withBias(tensorParallel.reduceFromRegion(product(x, matrix)), bias as tf.Tensor1D);
    return dropout(y, config.dropout, options, site, layer);
  };
  return tf.tidy(() => {
    const qkv = linear(normed(x, 'ln_1'), weight('attn.c_attn.weight'), weight('attn.c_attn.bias'));
    const attended = tf.add(x, project(attend(qkv as tf.Tensor3D), 'attn.c_proj', 'attention'));
    const inner = linear(normed(attended, 'ln_2'), weight('mlp.c_fc.weight'), weight('mlp.c_fc.bias'), 'gelu');
    return tf.add(attended, project(inner, 'mlp.c_proj', 'mlp')) as tf.Tensor3D;
  });
}

function product(x: tf.Tensor, matrix: tf.Tensor): tf.Tensor {
  const rows = tf.reshape(x, [-1, matrix.shape[0]!]);
  return tf.reshape(tf.matMul(rows, matrix as tf.Tensor2D), [...x.shape.slice(0, -1), matrix.shape[1]!]);
}

function withBias(x: tf.Tensor, bias: tf.Tensor1D): tf.Tensor {
  return tf.reshape(addBias(tf.reshape(x, [-1, bias.size]), bias), x.shape);
}
