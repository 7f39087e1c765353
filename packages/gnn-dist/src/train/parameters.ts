/** A model's parameters and gradients as two flat buffers, with gradients reduced over ranks in buckets. */
import { createHash } from 'node:crypto';
import type { ProcessGroup } from '@strata-ml/core';
import { readTensor, tensorFrom } from '@strata-ml/kernels';
import type { GnnModel } from '@strata-ml/models';
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

  constructor(model: GnnModel) {
    let at = 0;
    this.slots = model.parameters.map(({ name, variable }) => {
      const begin = at;
      at += variable.size;
      return { name, variable, begin, end: at };
    });
    this.values = new Float32Array(at);
    this.gradients = new Float32Array(at);
    for (const { variable, begin, end } of this.slots) this.values.set(readTensor(variable).subarray(0, end - begin), begin);
  }

  /** Writes the flat values into the model's variables. */
  apply(): void {
    for (const { variable, begin, end } of this.slots) {
      const tensor = tensorFrom(variable.shape, (data) => data.set(this.values.subarray(begin, end)));
      variable.assign(tensor);
      tensor.dispose();
    }
  }

  /** SHA-256 over the values, little-endian. */
  hash(): string {
    const { buffer, byteOffset, byteLength } = this.values;
    return createHash('sha256').update(new Uint8Array(buffer, byteOffset, byteLength)).digest('hex');
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
