/** A multilayer perceptron, layer by layer, so that a pipeline may cut between any two. */
import { OptionError } from '@strata-ml/core';
import * as tf from '@tensorflow/tfjs-core';
import { transformerOperations } from '../transformer/operations.js';
import type { TransformerParameter } from '../transformer/parameters.js';
import type { TransformerWeights } from '../transformer/TransformerOptions.js';

/** Shape of a perceptron. */
export interface MlpConfig {
  /** Numbers of an input, of each hidden layer, and classes: at least two. */
  readonly widths: readonly number[];
}

/**
 * Weights `[in, out]` and biases of all layers, `layers.0.weight` and on; He's start for ReLU, biases 0.
 *
 * He et al.: "Delving deep into rectifiers", ICCV 2015, arXiv:1502.01852.
 *
 * @throws {@link OptionError} if there are fewer than two widths, or one is no whole number ≥ 1.
 */
export function mlpParameters({ widths }: MlpConfig): TransformerParameter[] {
  const isValid = widths.length > 1 && widths.every((width) => Number.isSafeInteger(width) && width >= 1);
  if (!isValid) throw new OptionError('mlpParameters', 'widths', widths, 'two or more whole numbers ≥ 1');
  return widths.slice(1).flatMap((out, layer) => denseParameters(`layers.${layer}`, widths[layer]!, out, layer));
}

/** Weight and bias of a dense layer. */
export function denseParameters(name: string, fanIn: number, out: number, layer: number): TransformerParameter[] {
  const start = { deviation: Math.sqrt(2 / fanIn) };
  return [
    { name: `${name}.weight`, shape: [fanIn, out], init: start, splitAxis: null, decay: true, layer },
    { name: `${name}.bias`, shape: [out], init: { constant: 0 }, splitAxis: null, decay: false, layer },
  ];
}

/** One layer: x·W + b, then ReLU in all but the last. float32 `[batch, in]` to `[batch, out]`; differentiable. */
export function mlpLayer(x: tf.Tensor, weights: TransformerWeights, layer: number, { widths }: MlpConfig): tf.Tensor2D {
  const [weight, bias] = [weights[`layers.${layer}.weight`]!, weights[`layers.${layer}.bias`]!];
  const activation = layer === widths.length - 2 ? 'linear' : 'relu';
  return tf.tidy(() => transformerOperations().linear(x, weight, bias, activation) as tf.Tensor2D);
}

/** All layers: logits, float32 `[batch, classes]`; `languageModelLoss` of them is the mean cross-entropy. */
export function mlpLogits(x: tf.Tensor2D, weights: TransformerWeights, config: MlpConfig): tf.Tensor2D {
  return tf.tidy(() => {
    let h: tf.Tensor2D = tf.clone(x);
    for (let layer = 0; layer < config.widths.length - 1; layer++) h = mlpLayer(h, weights, layer, config);
    return h;
  });
}
