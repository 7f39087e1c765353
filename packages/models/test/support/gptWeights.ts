/** A transformer's parameters as tensors, and gradients of a function in all of them. */
import * as tf from '@tensorflow/tfjs-core';
import {
  type GptConfig,
  gptParameters,
  initialiseParameter,
  type NamedTensors,
  type TransformerWeights,
} from '../../src/index.js';

/** Values as tensors of the parameters' shapes. */
export function tensorsOf(values: ReadonlyMap<string, Float32Array>, config: GptConfig): Record<string, tf.Tensor> {
  return Object.fromEntries(
    gptParameters(config).map(({ name, shape }) => [name, tf.tensor(values.get(name)!, [...shape])]),
  );
}

/** Values with the parameters' shapes. */
export const named = (values: ReadonlyMap<string, Float32Array>, config: GptConfig): NamedTensors =>
  Object.fromEntries(gptParameters(config).map(({ name, shape }) => [name, { shape, data: values.get(name)! }]));

/** Initial values from a seed. */
export const initialValues = (config: GptConfig, seed = 1): Map<string, Float32Array> =>
  new Map(gptParameters(config).map((parameter) => [parameter.name, initialiseParameter(parameter, seed)]));

/** The scalar value of `compute`, and its gradients in x and in every weight. */
export function gradientsOf(
  weights: TransformerWeights,
  x: tf.Tensor,
  compute: (x: tf.Tensor, weights: TransformerWeights) => tf.Tensor,
): { value: tf.Tensor; dx: tf.Tensor; gradients: Map<string, Float32Array> } {
  const names = Object.keys(weights);
  const { value, grads } = tf.valueAndGrads((...inputs) => {
    // tfjs refuses to differentiate in a tensor that is not used; nothing times each makes all of them used.
    const nothing = inputs.map((input) => tf.mul(tf.sum(input), 0));
    const [x, ...tensors] = inputs;
    return tf.addN([compute(x!, Object.fromEntries(names.map((name, i) => [name, tensors[i]!]))), ...nothing]);
  })([x, ...names.map((name) => weights[name]!)]);
  const gradients = new Map(names.map((name, i) => [name, grads[i + 1]!.dataSync<'float32'>().slice()]));
  return { value, dx: grads[0]!, gradients };
}
