/**
 * Two-level segregated fit: which bytes of a fixed range are in use.
 *
 * Every operation is O(1) but for one bounded search; neighbours coalesce at once. It knows offsets only and touches no
 * memory, so it is tested without any. Masmano, Ripoll, Crespo, Real: "TLSF: a new dynamic memory allocator for
 * real-time systems", ECRTS 2004. We keep the block headers outside the managed range, in arrays, so that a stray
 * write of a kernel cannot corrupt them.
 */

/** Every block starts at a multiple of this many bytes: a cache line, and what AVX-512 loads like best. */
export const ALIGNMENT_BYTES = 64;

const SL_BITS = 4;
const SL_COUNT = 1 << SL_BITS;
const FL_COUNT = 32;
const NONE = -1;

/** Allocates ranges of `[baseBytes, baseBytes + sizeBytes)`; a range is named by its block id. */
export class BlockAllocator {
  /** Bytes handed out, rounded up to {@link ALIGNMENT_BYTES}. */
  usedBytes = 0;
  /** Bytes managed. */
  readonly sizeBytes: number;

  readonly #baseBytes: number;
  // Headers, indexed by block id; sizes and offsets in units of ALIGNMENT_BYTES.
  readonly #offset: number[] = [];
  readonly #size: number[] = [];
  readonly #isFree: boolean[] = [];
  readonly #previous: number[] = [];
  readonly #next: number[] = [];
  readonly #previousFree: number[] = [];
  readonly #nextFree: number[] = [];
  readonly #unusedIds: number[] = [];
  readonly #heads = new Int32Array(FL_COUNT * SL_COUNT).fill(NONE);
  readonly #secondLevel = new Int32Array(FL_COUNT);
  #firstLevel = 0;

  /**
   * @param baseBytes - first byte managed, a multiple of {@link ALIGNMENT_BYTES}
   * @param sizeBytes - bytes managed; rounded down to a multiple of {@link ALIGNMENT_BYTES}
   */
  constructor(baseBytes: number, sizeBytes: number) {
    const units = Math.floor(sizeBytes / ALIGNMENT_BYTES);
    this.#baseBytes = baseBytes;
    this.sizeBytes = units * ALIGNMENT_BYTES;
    if (units > 0) this.#insertFree(this.#newBlock(0, units, NONE, NONE));
  }

  /** Takes `bytes` (0 takes one alignment unit); gives the block id, or -1 when no free block is large enough. */
  allocate(bytes: number): number {
    const units = Math.max(1, Math.ceil(bytes / ALIGNMENT_BYTES));
    const block = this.#findFree(units);
    if (block === NONE) return NONE;
    this.#removeFree(block);
    const rest = this.#size[block]! - units;
    if (rest > 0) {
      const next = this.#next[block]!;
      const tail = this.#newBlock(this.#offset[block]! + units, rest, block, next);
      if (next !== NONE) this.#previous[next] = tail;
      this.#next[block] = tail;
      this.#size[block] = units;
      this.#insertFree(tail);
    }
    this.usedBytes += units * ALIGNMENT_BYTES;
    return block;
  }

  /** Gives a block back. The id must come from `allocate` and not have been freed since. */
  free(block: number): void {
    this.usedBytes -= this.#size[block]! * ALIGNMENT_BYTES;
    let merged = block;
    const previous = this.#previous[block]!;
    if (previous !== NONE && this.#isFree[previous]) {
      this.#removeFree(previous);
      this.#absorbNext(previous);
      merged = previous;
    }
    const next = this.#next[merged]!;
    if (next !== NONE && this.#isFree[next]) {
      this.#removeFree(next);
      this.#absorbNext(merged);
    }
    this.#insertFree(merged);
  }

  /** Gives all blocks back but those in `kept`. */
  freeAllExcept(kept: ReadonlySet<number>): void {
    // Block 0 is always the first: splitting keeps the front, merging keeps the earlier one.
    const taken: number[] = [];
    for (let block = this.sizeBytes > 0 ? 0 : NONE; block !== NONE; block = this.#next[block]!) {
      if (!this.#isFree[block] && !kept.has(block)) taken.push(block);
    }
    for (const block of taken) this.free(block);
  }

  /** First byte of a block. */
  offsetBytes(block: number): number {
    return this.#baseBytes + this.#offset[block]! * ALIGNMENT_BYTES;
  }

  /** Bytes of the largest free block, 0 if none. */
  largestFreeBytes(): number {
    if (this.#firstLevel === 0) return 0;
    const fl = 31 - Math.clz32(this.#firstLevel);
    const sl = 31 - Math.clz32(this.#secondLevel[fl]!);
    let largest = 0;
    for (let b = this.#heads[fl * SL_COUNT + sl]!; b !== NONE; b = this.#nextFree[b]!) {
      largest = Math.max(largest, this.#size[b]!);
    }
    return largest * ALIGNMENT_BYTES;
  }

  #findFree(units: number): number {
    // One class up, every block fits, so the first of the list will do.
    const log = 31 - Math.clz32(units);
    const roundedUp = log >= SL_BITS ? units + (1 << (log - SL_BITS)) - 1 : units;
    const index = classOf(roundedUp);
    let fl = index >> SL_BITS;
    let bits = this.#secondLevel[fl]! & (-1 << (index & (SL_COUNT - 1)));
    if (bits === 0) {
      const higher = fl >= 31 ? 0 : this.#firstLevel & (-1 << (fl + 1));
      if (higher !== 0) {
        fl = 31 - Math.clz32(higher & -higher);
        bits = this.#secondLevel[fl]!;
      }
    }
    if (bits !== 0) return this.#heads[fl * SL_COUNT + 31 - Math.clz32(bits & -bits)]!;
    // Nearly full: a block of the request's own class may still be large enough.
    for (let b = this.#heads[classOf(units)]!; b !== NONE; b = this.#nextFree[b]!) {
      if (this.#size[b]! >= units) return b;
    }
    return NONE;
  }

  #newBlock(offset: number, size: number, previous: number, next: number): number {
    const id = this.#unusedIds.pop() ?? this.#size.length;
    this.#offset[id] = offset;
    this.#size[id] = size;
    this.#isFree[id] = false;
    this.#previous[id] = previous;
    this.#next[id] = next;
    this.#previousFree[id] = NONE;
    this.#nextFree[id] = NONE;
    return id;
  }

  #absorbNext(block: number): void {
    const next = this.#next[block]!;
    const afterNext = this.#next[next]!;
    this.#size[block] = this.#size[block]! + this.#size[next]!;
    this.#next[block] = afterNext;
    if (afterNext !== NONE) this.#previous[afterNext] = block;
    this.#unusedIds.push(next);
  }

  #insertFree(block: number): void {
    const index = classOf(this.#size[block]!);
    const head = this.#heads[index]!;
    this.#isFree[block] = true;
    this.#previousFree[block] = NONE;
    this.#nextFree[block] = head;
    if (head !== NONE) this.#previousFree[head] = block;
    this.#heads[index] = block;
    const fl = index >> SL_BITS;
    this.#secondLevel[fl] = this.#secondLevel[fl]! | (1 << (index & (SL_COUNT - 1)));
    this.#firstLevel |= 1 << fl;
  }

  #removeFree(block: number): void {
    const previous = this.#previousFree[block]!;
    const next = this.#nextFree[block]!;
    if (next !== NONE) this.#previousFree[next] = previous;
    if (previous !== NONE) {
      this.#nextFree[previous] = next;
    } else {
      const index = classOf(this.#size[block]!);
      this.#heads[index] = next;
      if (next === NONE) {
        const fl = index >> SL_BITS;
        this.#secondLevel[fl] = this.#secondLevel[fl]! & ~(1 << (index & (SL_COUNT - 1)));
        if (this.#secondLevel[fl] === 0) this.#firstLevel &= ~(1 << fl);
      }
    }
    this.#isFree[block] = false;
  }
}

/** Size class of a block: exact below 16 units, then 16 classes per power of two. */
function classOf(units: number): number {
  if (units < SL_COUNT) return units;
  const log = 31 - Math.clz32(units);
  return ((log - SL_BITS + 1) << SL_BITS) | ((units >>> (log - SL_BITS)) & (SL_COUNT - 1));
}
