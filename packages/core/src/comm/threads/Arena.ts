/** First-fit allocator over a rank's part of the shared memory. Only the owner allocates and frees. */

const ALIGN = 64;

interface Block {
  readonly begin: number;
  readonly end: number;
}

/** Address ranges in use, lowest first, so that memory once touched is used again. */
export class Arena {
  readonly #begin: number;
  readonly #end: number;
  readonly #blocks: Block[] = [];
  #usedBytes = 0;
  #peakBytes = 0;

  constructor(begin: number, bytes: number) {
    this.#begin = begin;
    this.#end = begin + bytes;
  }

  /** Most bytes in use at once. */
  get peakBytes(): number {
    return this.#peakBytes;
  }

  /** Takes `bytes` at a 64-byte boundary; 0 if no gap is large enough. */
  take(bytes: number): number {
    const size = Math.max(ALIGN, Math.ceil(bytes / ALIGN) * ALIGN);
    let at = this.#begin;
    let i = 0;
    for (; i < this.#blocks.length; i++) {
      const block = this.#blocks[i]!;
      if (block.begin - at >= size) break;
      at = block.end;
    }
    if (at + size > this.#end) return 0;
    this.#blocks.splice(i, 0, { begin: at, end: at + size });
    this.#usedBytes += size;
    if (this.#usedBytes > this.#peakBytes) this.#peakBytes = this.#usedBytes;
    return at;
  }

  /** Gives back what `take` returned. */
  free(begin: number): void {
    let low = 0;
    let high = this.#blocks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#blocks[middle]!.begin < begin) low = middle + 1;
      else high = middle;
    }
    const block = this.#blocks[low];
    if (block?.begin !== begin) return;
    this.#usedBytes -= block.end - block.begin;
    this.#blocks.splice(low, 1);
  }
}
