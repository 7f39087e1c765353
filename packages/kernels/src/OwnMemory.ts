/** The memory that kernels use when no device offers one: it grows on demand, up to 4 GiB, and never shrinks. */
import { StrataError } from './errors.js';
import type { KernelMemory } from './kernelMemory.js';
import { type GrowableMemory, wasm } from './webAssembly.js';

const PAGE_BYTES = 65536;
const MAX_PAGES = 65536;
const ALIGN_BYTES = 64;

/** First fit over a sorted list of free ranges; few blocks live at a time, so that searching it costs nothing. */
export class OwnMemory implements KernelMemory {
  readonly memory: GrowableMemory;
  // The first 64 bytes stay unused, so that no block lies at address 0.
  #endBytes = PAGE_BYTES;
  readonly #free: { begin: number; end: number }[] = [{ begin: ALIGN_BYTES, end: PAGE_BYTES }];
  readonly #sizes = new Map<number, number>();

  constructor() {
    this.memory = new wasm.Memory({ initial: 1, maximum: MAX_PAGES });
  }

  /** Bytes handed out. */
  get usedBytes(): number {
    let sum = 0;
    for (const size of this.#sizes.values()) sum += size;
    return sum;
  }

  alloc(bytes: number): number {
    const size = Math.max(1, Math.ceil(bytes / ALIGN_BYTES)) * ALIGN_BYTES;
    let at = this.#free.findIndex(({ begin, end }) => end - begin >= size);
    if (at < 0) at = this.#grow(size);
    const range = this.#free[at]!;
    const offset = range.begin;
    range.begin += size;
    if (range.begin === range.end) this.#free.splice(at, 1);
    this.#sizes.set(offset, size);
    return offset;
  }

  free(offset: number): void {
    const size = this.#sizes.get(offset);
    if (size === undefined) return;
    this.#sizes.delete(offset);
    this.#release(offset, offset + size);
  }

  /** Makes room for `size` bytes at the end; gives the position of the free range there. */
  #grow(size: number): number {
    const last = this.#free.at(-1);
    const spare = last && last.end === this.#endBytes ? last.end - last.begin : 0;
    const needed = Math.ceil((size - spare) / PAGE_BYTES);
    const room = MAX_PAGES - this.#endBytes / PAGE_BYTES;
    // An eighth more than asked, so that growing step by step stays rare.
    const pages = Math.max(needed, Math.min(room, needed + Math.ceil(this.#endBytes / PAGE_BYTES / 8)));
    try {
      this.memory.grow(pages);
    } catch (cause) {
      throw new StrataError(
        'ERR_STRATA_KERNEL_MEMORY',
        `kernels: ${size} bytes of scratch memory must fit beside the ${this.usedBytes} bytes in use, ` +
          'got no more from the system (4 GiB is the most a thread can have); split the work over more ranks',
        { bytes: size, usedBytes: this.usedBytes },
        { cause },
      );
    }
    const begin = this.#endBytes;
    this.#endBytes += pages * PAGE_BYTES;
    return this.#release(begin, this.#endBytes);
  }

  /** Inserts a free range, joined with its neighbours; gives its position. */
  #release(begin: number, end: number): number {
    let at = this.#free.findIndex((range) => range.begin > begin);
    if (at < 0) at = this.#free.length;
    const before = this.#free[at - 1];
    const after = this.#free[at];
    if (before?.end === begin) {
      before.end = end;
      if (after?.begin === end) {
        before.end = after.end;
        this.#free.splice(at, 1);
      }
      return at - 1;
    }
    if (after?.begin === end) after.begin = begin;
    else this.#free.splice(at, 0, { begin, end });
    return at;
  }
}
