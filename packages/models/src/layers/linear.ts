/** A dense layer. */
import type * as tf from '@tensorflow/tfjs-core';
import type { GraphContext, InputRows } from '../GraphContext.js';
import type { Initialiser } from '../gnn/spec.js';
import { addBias, affine } from './denseOps.js';
import { constant, fanInUniform, glorot, type ParameterStore } from './ParameterStore.js';

/** Weight `[in, out]` and bias `[out]` of a dense layer. */
export interface Linear {
  readonly weight: tf.Tensor2D;
  readonly bias: tf.Tensor1D;
}

/** Creates `NAME.weight` and `NAME.bias`. */
export function linear(store: ParameterStore, name: string, fanIn: number, fanOut: number, init: Initialiser): Linear {
  const uniform = init === 'uniform';
  const weight = store.add<tf.Rank.R2>(
    `${name}.weight`,
    [fanIn, fanOut],
    uniform ? fanInUniform(fanIn) : glorot(fanIn, fanOut),
  );
  const bias = store.add<tf.Rank.R1>(`${name}.bias`, [fanOut], uniform ? fanInUniform(fanIn) : constant(0));
  return {
    get weight() {
      return store.use<tf.Tensor2D>(weight);
    },
    get bias() {
      return store.use<tf.Tensor1D>(bias);
    },
  };
}

/** h·W + b. */
export function applyLinear(layer: Linear, h: tf.Tensor2D): tf.Tensor2D {
  return affine(h, layer.weight, layer.bias);
}

/** drop(X)·W + b on rows of the input features. */
export function applyToInput(
  layer: Linear,
  context: GraphContext,
  rows: InputRows,
  rate: number,
  index: number,
): tf.Tensor2D {
  return addBias(context.projectInput(layer.weight, rows, rate, index), layer.bias);
}
