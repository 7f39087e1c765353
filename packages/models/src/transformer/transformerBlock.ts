/** The block that decoders and encoders share. */
import * as tf from '@tensorflow/tfjs-core';
import { addBias } from '../layers/denseOps.js';
import type { GptConfig } from './GptConfig.js';
import { transformerOperations } from './operations.js';
import { singleDevice } from './TensorParallel.js';
import { dropout, type TransformerOptions } from './TransformerOptions.js';

/** What {@link transformerBlock} takes beyond the options of every part. */
interface BlockOptions extends TransformerOptions {
  readonly causal: boolean;
  readonly layer: number;
}

/** A pre-LayerNorm block, causal or not. */
export function transformerBlock(
  x: tf.Tensor,
  weight: (name: string) => tf.Tensor,
  config: Pick<GptConfig, 'width' | 'heads' | 'dropout' | 'layerNormEpsilon'>,
  { causal, layer, tensorParallel = singleDevice, ...options }: BlockOptions,
): tf.Tensor3D {
  const { linear, layerNorm, selfAttention } = transformerOperations();
  const normed = (x: tf.Tensor, name: string) =>
    tensorParallel.copyToRegion(
      layerNorm(x, weight(`${name}.weight`), weight(`${name}.bias`), config.layerNormEpsilon),
    );
  /** The end of a branch: a product of parts, summed, with the bias once. */
  const project = (x: tf.Tensor, name: string, site: string): tf.Tensor => {
    const [matrix, bias] = [weight(`${name}.weight`), weight(`${name}.bias`)];
    const y =
      tensorParallel.size === 1
        ? linear(x, matrix, bias)
        : withBias(tensorParallel.reduceFromRegion(product(x, matrix)), bias as tf.Tensor1D);
    return dropout(y, config.dropout, options, site, layer);
  };
  const heads = config.heads / tensorParallel.size;
  const qkv = linear(normed(x, 'ln_1'), weight('attn.c_attn.weight'), weight('attn.c_attn.bias'));
  const seen = selfAttention(qkv as tf.Tensor3D, heads, { causal, order: 'heads' });
  const attended = tf.add(x, project(seen, 'attn.c_proj', 'attention'));
  const inner = linear(normed(attended, 'ln_2'), weight('mlp.c_fc.weight'), weight('mlp.c_fc.bias'), 'gelu');
  return tf.add(attended, project(inner, 'mlp.c_proj', 'mlp')) as tf.Tensor3D;
}

function product(x: tf.Tensor, matrix: tf.Tensor): tf.Tensor {
  const rows = tf.reshape(x, [-1, matrix.shape[0]!]);
  return tf.reshape(tf.matMul(rows, matrix as tf.Tensor2D), [...x.shape.slice(0, -1), matrix.shape[1]!]);
}

function withBias(x: tf.Tensor, bias: tf.Tensor1D): tf.Tensor {
  return tf.reshape(addBias(tf.reshape(x, [-1, bias.size]), bias), x.shape);
}
