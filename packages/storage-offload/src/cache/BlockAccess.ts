/** The sequence in which an epoch asks for blocks: known before it runs, from dependencies and schedule alone. */

/** One unit of demand: all blocks that a target needs at once. Their order inside the set has no meaning. */
export interface Demand {
  /** Blocks, numbered from 0 by the caller; no repeats. */
  readonly blocks: readonly number[];
}

/** What a cache is asked for, in order. */
export interface AccessTrace {
  /** Bytes of each block; only blocks that occur need one. float64 `[blocks]`. */
  readonly blockBytes: ArrayLike<number>;
  readonly demands: readonly Demand[];
}

/** When each block is needed next, looked up by the position in the trace. */
export class NextUse {
  /** Position of the next demand after each occurrence; occurrences in trace order. */
  readonly #uses: readonly (readonly number[])[];

  constructor({ demands, blockBytes }: AccessTrace) {
    const uses: number[][] = Array.from({ length: blockBytes.length }, () => []);
    for (const [at, { blocks }] of demands.entries()) for (const block of blocks) uses[block]!.push(at);
    this.#uses = uses;
  }

  /** First demand after `position` that asks for `block`; Infinity if none does. O(log uses). */
  after(block: number, position: number): number {
    const uses = this.#uses[block] ?? [];
    let low = 0;
    let high = uses.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (uses[middle]! > position) high = middle;
      else low = middle + 1;
    }
    return uses[low] ?? Number.POSITIVE_INFINITY;
  }

  /** How often the trace asks for `block`. */
  count(block: number): number {
    return this.#uses[block]?.length ?? 0;
  }
}
