/** A tfjs backend that shares its storage with kernels, as `native` does, but whose other kernels are the cpu's. */

import { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { FixedSpace } from './FixedSpace.js';

export class SharingBackend extends MathBackendCPU {
  readonly space = new FixedSpace();
  allocated = 0;
  viewed = 0;

  strataAllocate(shape: readonly number[], dtype: 'float32'): { dataId: object; values: Float32Array } {
    this.allocated++;
    const values = this.space.place(new Float32Array(tf.util.sizeFromShape([...shape])).fill(Number.NaN));
    return { dataId: this.write(values, [...shape], dtype), values };
  }

  strataView(dataId: object): Float32Array {
    this.viewed++;
    return this.data.get(dataId).values as Float32Array;
  }

  override disposeData(dataId: object, force = false): boolean {
    const values = this.data.has(dataId) ? this.data.get(dataId).values : undefined;
    const isGone = super.disposeData(dataId, force);
    if (isGone && values instanceof Float32Array && values.buffer === this.space.memory.buffer) {
      this.space.free(values.byteOffset);
    }
    return isGone;
  }
}

/** Registers the backend under `name`, with all kernels of the cpu backend. */
export function registerSharingBackend(name: string): void {
  tf.registerBackend(name, () => new SharingBackend());
  tf.copyRegisteredKernels('cpu', name);
}
