/**
 * Which blocks are in host memory: a state machine that walks an {@link AccessPlan}, reads ahead of it, gives up blocks
 * by a policy and writes only what is dirty and needed again.
 *
 * Every decision depends on positions in the plan only, never on how fast a transfer was, so a second machine without a
 * drive predicts the bytes of the first exactly. A block whose content is of an earlier run of a plan never satisfies a
 * read: contents carry the number of the run that made them.
 */
import { StrataError } from '@strata-ml/core';
import type { CachePolicy } from '../cache/CachePolicy.js';
import { ACCESS, type AccessPlan, MARK } from './AccessPlan.js';
import { HostBudgetError } from './HostBudgetError.js';
import { createCounters, type ResidencyCounters } from './ResidencyCounters.js';
import type { ResidencyOptions } from './ResidencyOptions.js';

/** A plan that runs, with the policy for it. */
export interface PlannedRun {
  readonly plan: AccessPlan;
  readonly policy: CachePolicy;
}

/** An access that is under way; hand it back to {@link Residency.release}. */
export interface HeldBlock {
  readonly access: number;
  readonly block: number;
  /** First byte in the arena. */
  readonly offset: number;
  /** True if the block counts as zeros. */
  readonly isFresh: boolean;
}

/** The block memory. */
export class Residency {
  readonly counters: ResidencyCounters = createCounters();
  /** Accesses whose content was given up incomplete or unwritten; see {@link Residency.begin}. */
  #evictedDirty = new Set<number>();
  #writesBehind: ReadonlySet<number> = new Set();
  readonly #options: ResidencyOptions;
  readonly #offset: Float64Array;
  readonly #isDirty: Uint8Array;
  /** Run whose content is on the drive; −1 for none, 0 for persistent content. */
  readonly #onDrive: Int32Array;
  /** Accesses of the window that ask for the block, and pins. */
  readonly #reserved: Int32Array;
  /** Access that completed the content in memory; −1 while it is incomplete. */
  readonly #producer: Int32Array;
  readonly #isLoaded: Uint8Array;
  readonly #resident = new Set<number>();
  readonly #touched: number[] = [];
  #run = 0;
  #current: PlannedRun | undefined;
  #position = 0;
  #now = 0;
  #ahead = 0;
  #step = 0;
  #aheadStep = 0;
  #windowBytes = 0;

  constructor(options: ResidencyOptions) {
    const blocks = options.blockBytes.length;
    this.#options = options;
    this.#offset = new Float64Array(blocks).fill(-1);
    this.#isDirty = new Uint8Array(blocks);
    this.#onDrive = Int32Array.from(options.isPersistent, (persistent) => (persistent ? 0 : -1));
    this.#reserved = new Int32Array(blocks);
    this.#producer = new Int32Array(blocks).fill(-1);
    this.#isLoaded = new Uint8Array(blocks);
  }

  /** Bytes of the blocks in memory. */
  get usedBytes(): number {
    return this.#options.arena.usedBytes;
  }

  /** Most bytes held at once. */
  get peakBytes(): number {
    return this.#options.arena.peakBytes;
  }

  /**
   * Starts a run of a plan. What an earlier, broken-off run left is forgotten.
   *
   * @param writesBehind - accesses whose content is written as soon as it is complete: those that another machine saw
   *   given up before they were read. Without it a block is written when it is given up.
   */
  begin(run: PlannedRun, writesBehind: ReadonlySet<number> = new Set()): void {
    for (const block of this.#resident) {
      this.#reserved[block] = 0;
      if (!this.#options.isPersistent[block]) this.#drop(block);
    }
    this.#onDrive.forEach((_, block) => {
      if (!this.#options.isPersistent[block]) this.#onDrive[block] = -1;
    });
    this.#run++;
    this.#current = run;
    this.#writesBehind = writesBehind;
    this.#evictedDirty = new Set();
    this.#now = this.#ahead = this.#step = this.#aheadStep = this.#windowBytes = 0;
    // A new policy learns the order in which the old one saw what is still here.
    const kept = [...this.#resident].sort((a, b) => (this.#touched[a] ?? -1) - (this.#touched[b] ?? -1));
    for (const [rank, block] of kept.entries()) run.policy.touched(block, rank - kept.length);
    this.#advance();
  }

  /** Forgets everything that is in memory; transfers must be done. */
  clear(): void {
    for (const block of this.#resident) {
      this.#reserved[block] = 0;
      this.#drop(block);
      if (this.#options.isPersistent[block]) this.#onDrive[block] = 0;
    }
  }

  /** Accesses whose complete content was given up before its last read: what is worth writing behind. */
  get evictedDirty(): ReadonlySet<number> {
    return this.#evictedDirty;
  }

  /** Reads ahead as far as memory and the lookahead allow. */
  #advance(): void {
    const { plan } = this.#active();
    const { lookahead, windowBytes, blockBytes } = this.#options;
    while (this.#ahead < plan.blocks.length) {
      if (plan.steps[this.#aheadStep + 1] === this.#ahead) this.#aheadStep++;
      if (this.#aheadStep > this.#step + lookahead) return;
      const bytes = blockBytes[plan.blocks[this.#ahead]!]!;
      if (this.#ahead > this.#now && this.#windowBytes + bytes > windowBytes) return;
      if (!this.#ensure(this.#ahead)) return;
      this.#reserve(this.#ahead++);
    }
  }

  /**
   * Takes the next access of the plan; blocks until its bytes are there.
   *
   * @throws {@link HostBudgetError} if there is no room however much is given up; `StorageError` from the drive.
   */
  acquire(): HeldBlock {
    const { plan, policy } = this.#active();
    const { blockBytes, arena, io } = this.#options;
    const access = this.#now;
    if (access >= plan.blocks.length) throw new StrataError('ERR_STRATA_PLAN', 'Residency: the plan is at its end', {});
    if (plan.steps[this.#step + 1] === access) this.#step++;
    const block = plan.blocks[access]!;
    if (this.#ahead === access) {
      if (!this.#ensure(access)) throw new HostBudgetError(arena.bytes, arena.usedBytes + 2 * blockBytes[block]!);
      this.#reserve(this.#ahead++);
      while (plan.steps[this.#aheadStep + 1]! <= access) this.#aheadStep++;
    }
    this.#now++;
    this.#windowBytes -= blockBytes[block]!;
    policy.touched(block, this.#position);
    this.#touched[block] = this.#position++;
    const isWrite = plan.kinds[access] !== ACCESS.read;
    // A transfer that is under way either brings the content or still reads the memory that is to be written.
    if (!this.#isLoaded[block] || isWrite) io.settle(block);
    this.#isLoaded[block] = 1;
    const isFresh = (plan.marks[access]! & MARK.first) !== 0;
    return { access, block, offset: this.#offset[block]!, isFresh };
  }

  /** Gives an access back, its writing done, and reads ahead with the room there is now. */
  release(held: HeldBlock): void {
    this.#release(held);
    this.#advance();
  }

  /** Makes sure that the block of an access is in memory or on its way; false if there is no room. */
  #ensure(access: number): boolean {
    const { plan } = this.#active();
    const { blockBytes, io, isPersistent } = this.#options;
    const block = plan.blocks[access]!;
    const wanted = isPersistent[block] ? 0 : this.#run;
    const needsContent = plan.kinds[access] === ACCESS.read || (plan.marks[access]! & MARK.first) === 0;
    const isCreate = plan.kinds[access] === ACCESS.create;
    if (this.#offset[block]! >= 0) {
      if (needsContent && !isCreate) this.counters.hits++;
      return true;
    }
    if (needsContent && !isCreate && this.#onDrive[block] !== wanted) {
      const details = { block, wanted, found: this.#onDrive[block] };
      throw new StrataError('ERR_STRATA_STALE', `Residency: block ${block} has no content of run ${wanted}`, details);
    }
    const offset = this.#allocate(blockBytes[block]!);
    if (offset < 0) return false;
    this.#offset[block] = offset;
    this.#resident.add(block);
    this.#isDirty[block] = 0;
    this.#isLoaded[block] = 1;
    if (needsContent && !isCreate) {
      const purpose = plan.kinds[access] === ACCESS.accumulate ? 'spill' : 'block';
      this.counters.misses++;
      this.#count('read', block, purpose);
      this.#isLoaded[block] = 0;
      io.read(block, offset, purpose);
    }
    return true;
  }

  #reserve(access: number): void {
    const block = this.#active().plan.blocks[access]!;
    this.#reserved[block]!++;
    this.#windowBytes += this.#options.blockBytes[block]!;
  }

  /** Room for a block, at the cost of others; −1 if nothing more can go. */
  #allocate(bytes: number): number {
    const { arena } = this.#options;
    for (;;) {
      const offset = arena.allocate(bytes);
      if (offset >= 0) return offset;
      const candidates: number[] = [];
      for (const block of this.#resident) if (this.#reserved[block] === 0) candidates.push(block);
      if (candidates.length === 0) return -1;
      this.#evict(this.#active().policy.victim(candidates, this.#ahead));
    }
  }

  #evict(block: number): void {
    if (this.#isDirty[block]) {
      const producer = this.#producer[block]!;
      if (producer >= 0) this.#evictedDirty.add(producer);
      this.#write(block, producer >= 0 ? 'block' : 'spill');
    }
    this.counters.evictions++;
    this.#leave(block);
  }

  #write(block: number, purpose: 'block' | 'spill'): void {
    const { io } = this.#options;
    io.settle(block);
    this.#count('write', block, purpose);
    io.write(block, this.#offset[block]!, purpose);
    this.#isDirty[block] = 0;
    this.#onDrive[block] = this.#run;
  }

  #drop(block: number): void {
    this.#onDrive[block] = -1;
    this.#isDirty[block] = 0;
    this.#leave(block);
  }

  #leave(block: number): void {
    const { io, arena, blockBytes } = this.#options;
    io.settle(block);
    arena.free(this.#offset[block]!, blockBytes[block]!);
    this.#offset[block] = -1;
    this.#producer[block] = -1;
    this.#resident.delete(block);
    this.#current?.policy.evicted(block);
  }

  #count(direction: 'read' | 'write', block: number, purpose: 'block' | 'spill'): void {
    const bytes = this.#options.blockBytes[block]!;
    this.counters[direction === 'read' ? 'bytesRead' : 'bytesWritten'] += bytes;
    if (purpose === 'spill') this.counters[direction === 'read' ? 'spillRead' : 'spillWritten'] += bytes;
  }

  #active(): PlannedRun {
    if (!this.#current) throw new StrataError('ERR_STRATA_PLAN', 'Residency: begin a plan first', {});
    return this.#current;
  }

  #release({ access, block }: HeldBlock): void {
    const { plan } = this.#active();
    const { keeps, isPersistent } = this.#options;
    const marks = plan.marks[access]!;
    this.#reserved[block]!--;
    if (plan.kinds[access] !== ACCESS.read) {
      this.#isDirty[block] = 1;
      this.#onDrive[block] = -1;
      this.#producer[block] = marks & MARK.complete ? access : -1;
    }
    if (marks & MARK.drop && !isPersistent[block]) {
      this.#drop(block);
      return;
    }
    if (this.#isDirty[block] && marks & MARK.complete && (this.#writesBehind.has(access) || !keeps)) {
      this.#write(block, 'block');
    }
    // Sums that are not complete stay: the cache is off, not the accumulation.
    if (!keeps && this.#reserved[block] === 0 && !this.#isDirty[block]) this.#evict(block);
  }
}
