/** Parameters and gradients as one flat float32 array: what optimizers, all-reduce and checkpoints work on. */
import { ShapeError } from '@strata-ml/core';
import { readTensor, tensorFrom } from '@strata-ml/kernels';
import * as tf from '@tensorflow/tfjs-core';
import type { Parameter } from '../gnn/GnnModel.js';

/** Total number of elements. */
export function parameterCount(parameters: readonly Parameter[]): number {
  return parameters.reduce((sum, { variable }) => sum + variable.size, 0);
}

/**
 * Copies all parameters, in order, into one array.
 *
 * @param out - float32 `[parameterCount]`, made if absent
 */
export function flattenParameters(
  parameters: readonly Parameter[],
  out: Float32Array = new Float32Array(parameterCount(parameters)),
): Float32Array {
  checkLength('flattenParameters', out, parameters);
  let at = 0;
  for (const { variable } of parameters) {
    out.set(readTensor(variable), at);
    at += variable.size;
  }
  return out;
}

/** Writes a flat array back into the parameters; copies, so `flat` may change afterwards. */
export function unflattenParameters(flat: Float32Array, parameters: readonly Parameter[]): void {
  checkLength('unflattenParameters', flat, parameters);
  let at = 0;
  for (const { variable } of parameters) {
    const begin = at;
    const next = tensorFrom(variable.shape, (data) => data.set(flat.subarray(begin, begin + variable.size)));
    variable.assign(next);
    next.dispose();
    at += variable.size;
  }
}

/** Result of {@link lossAndGradients}. */
export interface LossAndGradients {
  /** Value of the loss. */
  readonly loss: number;
  /** Its gradients in parameter order, float32 `[parameterCount]`. */
  readonly gradients: Float32Array;
}

/**
 * Runs a loss forward and backward; a parameter that the loss does not depend on gets zeros. Leaves no tensors behind.
 *
 * @param out - where the gradients go, made if absent
 */
export function lossAndGradients(
  parameters: readonly Parameter[],
  loss: () => tf.Scalar,
  out: Float32Array = new Float32Array(parameterCount(parameters)),
): LossAndGradients {
  checkLength('lossAndGradients', out, parameters);
  const { value, grads } = tf.variableGrads(
    loss,
    parameters.map(({ variable }) => variable),
  );
  let at = 0;
  for (const { variable } of parameters) {
    const gradient = grads[variable.name];
    if (gradient) out.set(readTensor(gradient), at);
    else out.fill(0, at, at + variable.size);
    at += variable.size;
  }
  const result = { loss: readTensor(value)[0]!, gradients: out };
  value.dispose();
  tf.dispose(grads);
  return result;
}

function checkLength(where: string, flat: Float32Array, parameters: readonly Parameter[]): void {
  const count = parameterCount(parameters);
  if (flat.length !== count) throw new ShapeError(where, 'flat array', [flat.length], `[${count}]`);
}
