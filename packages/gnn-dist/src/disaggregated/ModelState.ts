/** A model with its optimiser as one flat array that workers average, share and hand on. */
import type { GnnModel, Optimizer } from '@strata-ml/models';
import type { FlatParameters } from '../train/parameters.js';

/** Parameters, then the optimiser's arrays, then running statistics. */
export class ModelState {
  readonly #parameters: FlatParameters;
  readonly #optimizer: Optimizer;
  readonly #model: GnnModel;
  readonly #names: readonly string[];
  readonly #numbers: number;

  constructor(model: GnnModel, parameters: FlatParameters, optimizer: Optimizer) {
    this.#model = model;
    this.#parameters = parameters;
    this.#optimizer = optimizer;
    this.#names = optimiserArrays(optimizer.spec);
    this.#numbers = parameters.values.length;
  }

  /** Numbers without the running statistics. */
  get sharedLength(): number {
    return this.#numbers * (1 + this.#names.length);
  }

  /** Optimiser steps taken. */
  get step(): number {
    return this.#optimizer.state().step;
  }

  /** A copy, float32. */
  read(): Float32Array {
    const buffers = this.#model.state();
    const out = new Float32Array(this.sharedLength + buffers.reduce((sum, { data }) => sum + data.length, 0));
    out.set(this.#parameters.values);
    const { arrays } = this.#optimizer.state();
    this.#names.forEach((name, i) => {
      const array = arrays[name];
      if (array) out.set(array, (i + 1) * this.#numbers);
    });
    let at = this.sharedLength;
    for (const { data } of buffers) {
      out.set(data, at);
      at += data.length;
    }
    return out;
  }

  /** Takes over a state; running statistics only if they are in it. */
  write(state: Float32Array, step: number): void {
    const n = this.#numbers;
    this.#parameters.values.set(state.subarray(0, n));
    const arrays = this.#names.map((name, i) => [name, state.slice((i + 1) * n, (i + 2) * n)] as const);
    this.#optimizer.load({ step, arrays: Object.fromEntries(arrays) });
    let at = this.sharedLength;
    for (const { data } of this.#model.state()) {
      if (at + data.length > state.length) break;
      data.set(state.subarray(at, at + data.length));
      at += data.length;
    }
    this.#parameters.apply();
  }
}

/** Arrays of the size of the parameters that an optimiser keeps. */
export function optimiserArrays({ optimizer, momentum }: Optimizer['spec']): readonly string[] {
  if (optimizer !== 'sgd') return ['m', 'v'];
  return momentum > 0 ? ['momentum'] : [];
}
