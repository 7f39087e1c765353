/** A small convolutional network for images, layer by layer, so that a pipeline may cut between any two. */
import { OptionError } from '@strata-ml/core';
import * as tf from '@tensorflow/tfjs-core';
import { transformerOperations } from '../transformer/operations.js';
import type { TransformerParameter } from '../transformer/parameters.js';
import type { TransformerWeights } from '../transformer/TransformerOptions.js';
import { denseParameters } from './mlp.js';

/** Shape of a small convolutional network. */
export interface CnnConfig {
  /** Height and width of an image; each convolution halves both, rounding down. */
  readonly size: readonly [height: number, width: number];
  /** Channels of an image. */
  readonly channels: number;
  /** Channels after each convolution. */
  readonly filters: readonly number[];
  readonly classes: number;
}

/**
 * Filters `[3, 3, in, out]` and biases of the convolutions, then weight and bias of the classifier, `layers.0.weight` and
 * on; He's start for ReLU, biases 0.
 *
 * @throws {@link OptionError} if an image is too small to be halved so often.
 */
export function cnnParameters(config: CnnConfig): TransformerParameter[] {
  const { channels, filters, classes } = config;
  const [height, width] = sizeAfter(config);
  if (!(height >= 1 && width >= 1)) {
    throw new OptionError('cnnParameters', 'size', config.size, `at least ${2 ** filters.length} both ways`);
  }
  const convolutions = filters.flatMap((out, layer): TransformerParameter[] => {
    const fanIn = layer === 0 ? channels : filters[layer - 1]!;
    const start = { deviation: Math.sqrt(2 / (9 * fanIn)) };
    return [
      { name: `layers.${layer}.weight`, shape: [3, 3, fanIn, out], init: start, splitAxis: null, decay: true, layer },
      { name: `layers.${layer}.bias`, shape: [out], init: { constant: 0 }, splitAxis: null, decay: false, layer },
    ];
  });
  const last = filters.length;
  const flat = height * width * (filters.at(-1) ?? channels);
  return [...convolutions, ...denseParameters(`layers.${last}`, flat, classes, last)];
}

/**
 * One layer: 3×3 convolution with zeros around, ReLU and 2×2 maximum; or, after the last, the classifier.
 *
 * @param x - float32 `[batch, height, width, channels]`
 * @returns the same halved; or logits, float32 `[batch, classes]`
 */
export function cnnLayer(x: tf.Tensor, weights: TransformerWeights, layer: number, config: CnnConfig): tf.Tensor {
  const [weight, bias] = [weights[`layers.${layer}.weight`]!, weights[`layers.${layer}.bias`]!];
  return tf.tidy(() => {
    if (layer === config.filters.length) {
      return transformerOperations().linear(tf.reshape(x, [x.shape[0]!, -1]), weight, bias);
    }
    const z = tf.conv2d(x as tf.Tensor4D, weight as tf.Tensor4D, 1, 'same');
    return tf.maxPool(tf.relu(tf.add(z, bias)) as tf.Tensor4D, 2, 2, 'valid');
  });
}

/** All layers: logits, float32 `[batch, classes]`; `languageModelLoss` of them is the mean cross-entropy. */
export function cnnLogits(x: tf.Tensor4D, weights: TransformerWeights, config: CnnConfig): tf.Tensor2D {
  return tf.tidy(() => {
    let h: tf.Tensor = x;
    for (let layer = 0; layer <= config.filters.length; layer++) h = cnnLayer(h, weights, layer, config);
    return h as tf.Tensor2D;
  });
}

function sizeAfter({ size, filters }: CnnConfig): [number, number] {
  const halved = size.map((length) => Math.floor(length / 2 ** filters.length));
  return halved as [number, number];
}
