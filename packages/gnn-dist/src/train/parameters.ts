/** A model's parameters and gradients as two flat buffers, with gradients reduced over ranks in buckets. */
import { createHash } from 'node:crypto';
import type { ProcessGroup } from '@strata-ml/core';
import { flattenParameters, type GnnModel, unflattenParameters } from '@strata-ml/models';
import type * as tf from '@tensorflow/tfjs-core';
import type { NamedArray } from '../report.js';

/** Where each parameter lies in the flat buffers. */
interface Slot {
  readonly name: string;
  readonly variable: tf.Variable;
  readonly begin: number;
  readonly end: number;
}

/** Flat float32 views of a model's parameters and gradients, in model order. */
export class FlatParameters {
  readonly values: Float32Array;
  readonly gradients: Float32Array;
  readonly slots: readonly Slot[];
  readonly #model: GnnModel;

  constructor(model: GnnModel) {
    this.#model = model;
    this.values = flattenParameters(model.parameters);
    this.gradients = new Float32Array(this.values.length);
    let at = 0;
    this.slots = model.parameters.map(({ name, variable }) => {
      const begin = at;
      at += variable.size;
      return { name, variable, begin, end: at };
    });
  }

  /** Writes the flat values into the model's variables. */
  apply(): void {
    unflattenParameters(this.values, this.#model.parameters);
  }

  /** SHA-256 over the values, little-endian. */
  hash(): string {
    const { buffer, byteOffset, byteLength } = this.values;
    return createHash('sha256')
      .update(new Uint8Array(buffer, byteOffset, byteLength))
      .digest('hex');
  }

  /** Throws unless all ranks hold the same bits; collective. */
  assertEqualOnAllRanks(world: ProcessGroup, when: string): void {
    const mine = Uint32Array.from(Buffer.from(this.hash(), 'hex').subarray(0, 8));
    const low = mine.slice();
    const high = mine.slice();
    world.allReduce(low, { op: 'min', phase: 'setup' });
    world.allReduce(high, { op: 'max', phase: 'setup' });
    if (low.some((v, i) => v !== high[i])) {
      throw new Error(`trainGnn: parameters differ between ranks ${when}; ranks must run the same code and engine`);
    }
  }

  /** Copies by name. */
  named(): Record<string, NamedArray> {
    return Object.fromEntries(
      this.slots.map(({ name, variable, begin, end }) => [
        name,
        { shape: [...variable.shape], data: this.values.slice(begin, end) },
      ]),
    );
  }
}
