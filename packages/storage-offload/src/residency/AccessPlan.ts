/**
 * Everything that a pass over the graph asks of the block memory, in order, before it runs: the schedule and Dep(p) fix
 * it. What is read ahead, written behind, kept or given up follows from this list alone, never from timing.
 */

/** What is done with a block. */
export const ACCESS = {
  /** Its content is needed. */
  read: 0,
  /** All of it is written anew. */
  create: 1,
  /** Something is added to it; the first such access of a block starts from zeros. */
  accumulate: 2,
} as const;

/** Marks of an access. */
export const MARK = {
  /** First accumulation: whatever the block held counts as zeros. */
  first: 1,
  /** The content is complete after this access: it may be written for good. */
  complete: 2,
  /** Nothing of this plan reads the block again: its memory is free at once, and nothing is written. */
  drop: 4,
} as const;

/** A list of accesses, divided into steps: one step is one partition of one pass. */
export interface AccessPlan {
  /** Block of each access. int32 `[accesses]`. */
  readonly blocks: Int32Array;
  /** One of {@link ACCESS}. uint8 `[accesses]`. */
  readonly kinds: Uint8Array;
  /** Sum of {@link MARK}. uint8 `[accesses]`. */
  readonly marks: Uint8Array;
  /** First access of each step, then their number. int32 `[steps + 1]`. */
  readonly steps: Int32Array;
}

/** Collects accesses; marks are found when it is done. */
export class AccessPlanBuilder {
  readonly #blocks: number[] = [];
  readonly #kinds: number[] = [];
  readonly #steps: number[] = [];

  /** Starts a step. */
  step(): void {
    this.#steps.push(this.#blocks.length);
  }

  read(block: number): void {
    this.#add(block, ACCESS.read);
  }

  create(block: number): void {
    this.#add(block, ACCESS.create);
  }

  accumulate(block: number): void {
    this.#add(block, ACCESS.accumulate);
  }

  /** @param isPersistent - blocks that keep their content on the drive and are never dropped */
  build(isPersistent: (block: number) => boolean): AccessPlan {
    const count = this.#blocks.length;
    const marks = new Uint8Array(count);
    const kinds = Uint8Array.from(this.#kinds);
    const next = new Map<number, number>();
    for (let i = count - 1; i >= 0; i--) {
      const block = this.#blocks[i]!;
      const later = next.get(block);
      if (later === undefined && !isPersistent(block)) marks[i]! |= MARK.drop;
      const isWrite = kinds[i] !== ACCESS.read;
      if (isWrite && (later === undefined || kinds[later] === ACCESS.read)) marks[i]! |= MARK.complete;
      next.set(block, i);
    }
    const hasContent = new Set<number>();
    for (let i = 0; i < count; i++) {
      const block = this.#blocks[i]!;
      if (kinds[i] === ACCESS.accumulate && !hasContent.has(block)) marks[i]! |= MARK.first;
      hasContent.add(block);
    }
    return { blocks: Int32Array.from(this.#blocks), kinds, marks, steps: Int32Array.from([...this.#steps, count]) };
  }

  #add(block: number, kind: number): void {
    this.#blocks.push(block);
    this.#kinds.push(kind);
  }
}
