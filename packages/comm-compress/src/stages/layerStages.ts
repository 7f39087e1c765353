/** Classifiers cut into stages: a perceptron or a small convolutional network, layers as evenly as can be. */
import { evenCounts, OptionError, offsetsOf } from '@strata-ml/core';
import {
  type CnnConfig,
  cnnLayer,
  cnnParameters,
  languageModelLoss,
  type MlpConfig,
  mlpLayer,
  mlpParameters,
  type TransformerParameter,
} from '@strata-ml/models';
import * as tf from '@tensorflow/tfjs-core';
import type { StageFactory, StageModule, StagePlace } from './StageModule.js';

/**
 * The stages of a multilayer perceptron for {@link createTrainer}; targets are classes, int32.
 *
 * @throws {@link OptionError} from the factory if there are more stages than layers, or several tensor ranks.
 */
export function mlpStages(config: MlpConfig): StageFactory {
  return layerStages({
    layers: config.widths.length - 1,
    parameters: mlpParameters(config),
    inputShape: (layer) => [config.widths[layer]!],
    forward: (x, weights, layer) => mlpLayer(x, weights, layer, config),
  });
}

/**
 * The stages of a small convolutional network for {@link createTrainer}; targets are classes, int32.
 *
 * @throws {@link OptionError} from the factory if there are more stages than layers, or several tensor ranks.
 */
export function cnnStages(config: CnnConfig): StageFactory {
  const { filters, channels, size } = config;
  return layerStages({
    layers: filters.length + 1,
    parameters: cnnParameters(config),
    inputShape: (layer) => [
      ...size.map((length) => Math.floor(length / 2 ** layer)),
      layer === 0 ? channels : filters[layer - 1]!,
    ],
    forward: (x, weights, layer) => cnnLayer(x, weights, layer, config),
  });
}

interface Layers {
  readonly layers: number;
  readonly parameters: readonly TransformerParameter[];
  /** Of one sample. */
  readonly inputShape: (layer: number) => readonly number[];
  readonly forward: (x: tf.Tensor, weights: Readonly<Record<string, tf.Tensor>>, layer: number) => tf.Tensor;
}

function layerStages(network: Layers): StageFactory {
  return (place) => layerStage(network, place);
}

function layerStage(
  { layers, parameters, inputShape, forward }: Layers,
  { stage, stages, microBatch, tensorParallel }: StagePlace,
): StageModule {
  if (stages > layers) {
    throw new OptionError('layerStages', 'stages', stages, `at most ${layers}, the number of layers`);
  }
  if (tensorParallel.size > 1) {
    throw new OptionError('layerStages', 'tp', tensorParallel.size, '1: these layers are not cut');
  }
  const offsets = offsetsOf(evenCounts(layers, stages));
  const [first, end] = [offsets[stage]!, offsets[stage + 1]!];
  return {
    parameters: parameters.filter(({ layer }) => typeof layer === 'number' && layer >= first && layer < end),
    inputShape: stage === 0 ? null : [microBatch, ...inputShape(first)],
    outputShape: end === layers ? null : [microBatch, ...inputShape(end)],
    forward(weights, input, { batch: { inputs, targets } }) {
      let x = input ?? tf.tensor(inputs.data, [...inputs.shape], 'float32');
      for (let layer = first; layer < end; layer++) x = forward(x, weights, layer);
      return end === layers ? languageModelLoss(x, tf.tensor(targets.data, [...targets.shape], 'int32')) : x;
    },
  };
}
