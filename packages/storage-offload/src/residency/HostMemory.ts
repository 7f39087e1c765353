/** The memory behind an arena: page-aligned shared slabs, so that direct I/O goes straight into it. */
import { alignedBytes, alignUp } from '@strata-ml/core';

/** A slab; a block never crosses two. */
export const SLAB_BYTES = 2 ** 31;

/** `bytes` of memory, addressed from 0. Pages count for the process when they are first touched. */
export class HostMemory {
  readonly #slabs: readonly Uint8Array<SharedArrayBuffer>[];

  constructor(bytes: number) {
    const count = Math.ceil(bytes / SLAB_BYTES);
    this.#slabs = Array.from({ length: count }, (_, i) => alignedBytes(Math.min(SLAB_BYTES, bytes - i * SLAB_BYTES)));
  }

  /** The pieces of memory, in order. */
  get slabs(): readonly Uint8Array<SharedArrayBuffer>[] {
    return this.#slabs;
  }

  /** `bytes` from `offset` on, rounded up to what the drive moves. */
  padded(offset: number, bytes: number): Uint8Array<SharedArrayBuffer> {
    const slab = this.#slabs[Math.floor(offset / SLAB_BYTES)]!;
    const begin = offset % SLAB_BYTES;
    return slab.subarray(begin, begin + alignUp(bytes));
  }

  /** `length` float32 values from `offset` on. */
  floats(offset: number, length: number): Float32Array<SharedArrayBuffer> {
    const slab = this.#slabs[Math.floor(offset / SLAB_BYTES)]!;
    return new Float32Array(slab.buffer, offset % SLAB_BYTES, length);
  }
}
