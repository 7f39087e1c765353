/** A device memory for tests: fixed size, counts its blocks, and hands out arrays that kernels use in place. */
import type { KernelMemory } from '../../src/kernelMemory.js';
import { wasm } from '../../src/webAssembly.js';

const PAGES = 64;

export class FixedSpace implements KernelMemory {
  readonly memory = new wasm.Memory({ initial: PAGES, maximum: PAGES });
  readonly live = new Map<number, number>();
  /** Bytes after which `alloc` throws. */
  limitBytes = PAGES * 65536;
  #top = 64;

  alloc(bytes: number): number {
    const offset = this.#top;
    if (offset + bytes > this.limitBytes) throw new RangeError(`full: ${bytes} bytes`);
    this.#top += Math.max(64, Math.ceil(bytes / 64) * 64);
    this.live.set(offset, bytes);
    // Whatever was there: kernels must not count on zeros.
    new Uint8Array(this.memory.buffer, offset, bytes).fill(0xff);
    return offset;
  }

  free(offset: number): void {
    if (!this.live.delete(offset)) throw new Error(`block ${offset} freed twice`);
    if (this.live.size === 0) this.#top = 64;
  }

  /** A copy of the values in this memory. */
  place(values: ArrayLike<number>): Float32Array {
    const array = new Float32Array(this.memory.buffer as ArrayBuffer, this.alloc(4 * values.length), values.length);
    array.set(values);
    return array;
  }
}
