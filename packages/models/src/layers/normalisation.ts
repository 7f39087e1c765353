/** The normalisation between two layers: none, layer or synchronised batch. */
import type * as tf from '@tensorflow/tfjs-core';
import type { GraphContext } from '../GraphContext.js';
import type { GnnNorm } from '../gnn/spec.js';
import { batchNorm } from './batchNorm.js';
import { layerNorm } from './layerNorm.js';
import { constant, type ParameterStore } from './ParameterStore.js';

/** Normalises float32 `[numOwned, F]`. */
export type Normalisation = (h: tf.Tensor2D, context: GraphContext) => tf.Tensor2D;

/** Creates the parameters `NAME.weight` (1) and `NAME.bias` (0) `[width]`, if the kind has any. */
export function normalisation(store: ParameterStore, kind: GnnNorm, name: string, width: number): Normalisation {
  if (kind === 'none') return (h) => h;
  const gamma = store.add<tf.Rank.R1>(`${name}.weight`, [width], constant(1));
  const beta = store.add<tf.Rank.R1>(`${name}.bias`, [width], constant(0));
  if (kind === 'layer') return (h) => layerNorm(h, store.use(gamma), store.use(beta));
  const running = {
    mean: store.addBuffer(`${name}.runningMean`, width, 0),
    variance: store.addBuffer(`${name}.runningVariance`, width, 1),
  };
  return (h, context) => batchNorm(h, store.use(gamma), store.use(beta), running, context);
}
