/** Creates a model's parameters in order, with initial values that depend on the seed and the name only. */
import { Rng } from '@strata-ml/core';
import * as tf from '@tensorflow/tfjs-core';
import type { ModelBuffer, Parameter } from '../gnn/GnnModel.js';

/** Where a parameter starts: uniform in ±bound, or constant. */
export type Start = { readonly uniform: number } | { readonly constant: number };

/** ±√(6 / (fanIn + fanOut)): Glorot and Bengio, AISTATS 2010; what Kipf and Welling's GCN uses. */
export const glorot = (fanIn: number, fanOut: number): Start => ({ uniform: Math.sqrt(6 / (fanIn + fanOut)) });

/** ±1/√fanIn: the usual start of linear layers, for weights and biases. */
export const fanInUniform = (fanIn: number): Start => ({ uniform: 1 / Math.sqrt(fanIn) });

/** A constant. */
export const constant = (value: number): Start => ({ constant: value });

/** The growing lists of a model's parameters and buffers. */
export class ParameterStore {
  readonly parameters: Parameter[] = [];
  readonly buffers: ModelBuffer[] = [];
  readonly #rng: Rng;

  constructor(seed: number) {
    this.#rng = new Rng(seed);
  }

  /** Adds a trainable float32 array. */
  add<R extends tf.Rank>(name: string, shape: number[], start: Start): tf.Variable<R> {
    const rng = this.#rng.split('init', name);
    const size = shape.reduce((a, b) => a * b, 1);
    const values =
      'constant' in start
        ? new Float32Array(size).fill(start.constant)
        : Float32Array.from({ length: size }, (_, i) => (2 * rng.uniformAt(i) - 1) * start.uniform);
    // tfjs names variables globally; ours would clash between two models, so tfjs makes up its own.
    const first = tf.tensor(values, shape);
    const variable = tf.variable(first) as tf.Variable<R>;
    first.dispose();
    this.parameters.push({ name, variable });
    return variable;
  }

  /** Adds an array that training changes without gradients. */
  addBuffer(name: string, size: number, value: number): Float32Array {
    const data = new Float32Array(size).fill(value);
    this.buffers.push({ name, data });
    return data;
  }
}
