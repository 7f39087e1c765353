/** One model in shared memory that compute workers update without waiting for each other. */
import { sharedFloat32, sharedInt32 } from '@strata-ml/core';
import type { Optimizer } from '@strata-ml/models';
import type { FlatParameters } from '../train/parameters.js';
import type { ModelState } from './ModelState.js';
import { withLock } from './Mutex.js';

/** Plain data; arrays are shared. */
export interface SharedModelArrays {
  readonly lock: Int32Array;
  /** Optimiser steps taken; −1 before the model is there. int32 `[1]`. */
  readonly step: Int32Array;
  /** Parameters, then the optimiser's arrays. */
  readonly state: Float32Array;
}

/** Makes the memory for a model of so many numbers. */
export function createSharedModel(numbers: number): SharedModelArrays {
  return { lock: sharedInt32(1), step: sharedInt32(1).fill(-1), state: sharedFloat32(numbers) };
}

/** The shared model, seen from one compute worker. */
export class SharedModel {
  readonly #arrays: SharedModelArrays;
  readonly #mine: ModelState;

  /** The first worker that comes gives its model; all start equal. */
  constructor(arrays: SharedModelArrays, mine: ModelState) {
    this.#arrays = arrays;
    this.#mine = mine;
    withLock(arrays.lock, () => {
      if (arrays.step[0] === -1) this.#publish(mine.read().subarray(0, mine.sharedLength), 0);
    });
  }

  /** Takes one optimiser step on the newest shared parameters with my gradients, which may stem from older ones. */
  applyGradients(parameters: FlatParameters, optimizer: Optimizer): void {
    withLock(this.#arrays.lock, () => {
      this.#mine.write(this.#arrays.state, this.#arrays.step[0]!);
      optimizer.step(parameters.values, parameters.gradients);
      parameters.apply();
      this.#publish(this.#mine.read().subarray(0, this.#mine.sharedLength), this.#mine.step);
    });
  }

  /** Moves the shared model towards mine by 1/workers, and mine to the result. */
  mergeModel(workers: number): void {
    withLock(this.#arrays.lock, () => {
      const mine = this.#mine.read().subarray(0, this.#mine.sharedLength);
      const { state } = this.#arrays;
      for (let i = 0; i < mine.length; i++) mine[i] = state[i]! + (mine[i]! - state[i]!) / workers;
      const step = Math.max(this.#mine.step, this.#arrays.step[0]!);
      this.#publish(mine, step);
      this.#mine.write(mine, step);
    });
  }

  /** Takes the shared model over. */
  fetch(): void {
    withLock(this.#arrays.lock, () => this.#mine.write(this.#arrays.state, this.#arrays.step[0]!));
  }

  #publish(state: Float32Array, step: number): void {
    this.#arrays.state.set(state);
    this.#arrays.step[0] = step;
  }
}
