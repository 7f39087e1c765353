/** Where blocks lie in a bounded host memory: a first-fit allocator over offsets, without memory of its own. */
import { alignUp } from '@strata-ml/core';

interface Extent {
  begin: number;
  end: number;
}

/**
 * Gives out ranges of `[0, bytes)`, each a multiple of 4096 at a multiple of 4096, lowest first. A range never crosses a
 * multiple of `slabBytes`: beyond it begins another piece of memory.
 */
export class ByteArena {
  readonly bytes: number;
  /** Free ranges by offset; neighbours inside a slab are joined. */
  readonly #free: Extent[] = [];
  readonly #slabBytes: number;
  #used = 0;
  #peak = 0;

  constructor(bytes: number, slabBytes: number) {
    this.bytes = bytes;
    this.#slabBytes = slabBytes;
    for (let begin = 0; begin < bytes; begin += slabBytes) {
      this.#free.push({ begin, end: Math.min(bytes, begin + slabBytes) });
    }
  }

  /** Bytes given out. */
  get usedBytes(): number {
    return this.#used;
  }

  /** Most bytes given out at once. */
  get peakBytes(): number {
    return this.#peak;
  }

  /** Offset of a free range; −1 if no free range is long enough. */
  allocate(bytes: number): number {
    const size = alignUp(bytes);
    const index = this.#free.findIndex(({ begin, end }) => end - begin >= size);
    if (index < 0) return -1;
    const extent = this.#free[index]!;
    const { begin } = extent;
    extent.begin += size;
    if (extent.begin === extent.end) this.#free.splice(index, 1);
    this.#used += size;
    this.#peak = Math.max(this.#peak, this.#used);
    return begin;
  }

  /** Takes a range back. */
  free(begin: number, bytes: number): void {
    const end = begin + alignUp(bytes);
    this.#used -= end - begin;
    const after = this.#free.findIndex((extent) => extent.begin >= end);
    const at = after < 0 ? this.#free.length : after;
    this.#free.splice(at, 0, { begin, end });
    this.#join(at);
    this.#join(at - 1);
  }

  /** Joins an extent with the one behind it if they touch inside a slab. */
  #join(index: number): void {
    const first = this.#free[index];
    const second = this.#free[index + 1];
    if (!first || !second || first.end !== second.begin || first.end % this.#slabBytes === 0) return;
    first.end = second.end;
    this.#free.splice(index + 1, 1);
  }
}
