/** Creates a model's parameters in order, with initial values that depend on the seed and the name only. */
import { Rng } from '@strata-ml/core';
import * as tf from '@tensorflow/tfjs-core';
import type { GradientWatcher, ModelBuffer, Parameter } from '../gnn/GnnModel.js';

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
  /** Told of each gradient when it is complete, if set. */
  watcher: GradientWatcher | undefined;
  readonly #rng: Rng;
  /** Watched stand-ins of this pass: one per parameter, so that gradients of all its uses meet there. */
  readonly #watched = new Map<tf.Variable, tf.Tensor>();

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

  /** Forgets the stand-ins of the last forward pass. */
  beginPass(): void {
    this.#watched.clear();
  }

  /** What a layer computes with: the parameter, or while it is watched a stand-in of equal value. */
  use<T extends tf.Tensor>(variable: T): T {
    const { watcher } = this;
    if (!watcher) return variable;
    const parameter = variable as unknown as tf.Variable;
    let stand = this.#watched.get(parameter);
    if (!stand) {
      const index = this.parameters.findIndex((p) => p.variable === parameter);
      stand = tf.customGrad((x) => ({
        value: (x as tf.Tensor).clone(),
        gradFunc: (dy: tf.Tensor) => {
          watcher(index, dy);
          return dy.clone();
        },
      }))(variable);
      this.#watched.set(parameter, stand);
    }
    return stand as T;
  }

  /** Adds an array that training changes without gradients. */
  addBuffer(name: string, size: number, value: number): Float32Array {
    const data = new Float32Array(size).fill(value);
    this.buffers.push({ name, data });
    return data;
  }
}
