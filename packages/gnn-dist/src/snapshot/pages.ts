/** Where adjacency pages come from: a drive, or memory that counts like one. */
import { alignedBytes, type BlockFile, DIRECT_ALIGNMENT } from '@strata-ml/core';

/** Neighbours in one page of {@link DIRECT_ALIGNMENT} bytes. */
export const PAGE_ENTRIES = DIRECT_ALIGNMENT / 4;
/** Bytes of one block of neighbours in an adjacency file; a multiple of the page. */
export const SEGMENT_BYTES = 4 * 1024 * 1024;
const SEGMENT_PAGES = SEGMENT_BYTES / DIRECT_ALIGNMENT;
/** Longest single read: longer runs are cut, so that several I/O threads share them. */
const LONGEST_RUN = 64;

/** Reads pages of the neighbour array. */
export interface PageSource {
  /**
   * Reads the given pages one after the other; blocks until they are there.
   *
   * @param pages - ascending, none twice
   * @returns int32 `[pages · 1024]`, valid until the next call
   */
  read(pages: readonly number[]): Int32Array;
}

/** Pages of a neighbour array in memory: what tests and graphs that fit use. */
export class MemoryPages implements PageSource {
  readonly #indices: Int32Array;
  #scratch = new Int32Array(0);

  constructor(indices: Int32Array) {
    this.#indices = indices;
  }

  read(pages: readonly number[]): Int32Array {
    const size = pages.length * PAGE_ENTRIES;
    if (this.#scratch.length < size) this.#scratch = new Int32Array(2 * size);
    pages.forEach((page, slot) => {
      this.#scratch.set(this.#indices.subarray(page * PAGE_ENTRIES, (page + 1) * PAGE_ENTRIES), slot * PAGE_ENTRIES);
    });
    return this.#scratch.subarray(0, size);
  }
}

/** Pages of an adjacency file: neighbouring pages come in one read, and many reads are under way at once. */
export class FilePages implements PageSource {
  readonly #file: BlockFile;
  readonly #underWay: number;
  #scratch = alignedBytes(0);

  /** @param chunkBytes - of the file's device: says into how many transfers a read is cut */
  constructor(file: BlockFile, chunkBytes: number) {
    this.#file = file;
    // A device has room for 1024 transfers; half of them is more than any drive serves at once.
    this.#underWay = Math.max(1, Math.floor(512 / Math.ceil((LONGEST_RUN * DIRECT_ALIGNMENT) / chunkBytes)));
  }

  read(pages: readonly number[]): Int32Array {
    const bytes = pages.length * DIRECT_ALIGNMENT;
    // Doubled, because a device never forgets memory that it has read into.
    if (this.#scratch.length < bytes) this.#scratch = alignedBytes(2 * bytes);
    const running: { wait(): void }[] = [];
    for (let from = 0; from < pages.length; ) {
      const first = pages[from]!;
      const segment = Math.floor(first / SEGMENT_PAGES);
      let to = from + 1;
      while (
        to < pages.length &&
        to - from < LONGEST_RUN &&
        pages[to] === first + to - from &&
        Math.floor(pages[to]! / SEGMENT_PAGES) === segment
      ) {
        to++;
      }
      if (running.length >= this.#underWay) running.shift()!.wait();
      const into = this.#scratch.subarray(from * DIRECT_ALIGNMENT, to * DIRECT_ALIGNMENT);
      running.push(this.#file.readPart(segment + 1, (first % SEGMENT_PAGES) * DIRECT_ALIGNMENT, into, 'adjacency'));
      from = to;
    }
    for (const request of running) request.wait();
    return new Int32Array(this.#scratch.buffer, 0, pages.length * PAGE_ENTRIES);
  }
}
