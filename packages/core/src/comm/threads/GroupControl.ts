/**
 * A group's control block: a ring of slots, one per piece of a collective in flight. The n-th piece that a member
 * issues uses slot n mod SLOTS; members issue the same pieces in the same order, so they meet in the same slot.
 *
 * In a slot every member leaves a record (what it calls, where its data are) and counts itself in. The member that
 * counts itself out last clears the slot for the piece SLOTS later.
 */

/** Pieces of a group that can be in flight. */
export const SLOTS = 64;

const HEADER = 64;
const RECORD = 64;

/** Cells of a slot's header (int32). */
const SLOT = { sequence: 0, arrived: 1, reduced: 2, finished: 3 } as const;
/** Cells of a record (int32), then float64 cells from byte 32. */
const REC = { ready: 0, offset: 1, signature: 2, root: 3, counts: 4, done: 5, length: 4, sentAt: 5 } as const;
/** float64 cell of a slot's header: when the last stage of an emulated transfer ends. */
const ARRIVAL = 7;

/** Bytes of a control block. */
export function controlBytes(size: number): number {
  return SLOTS * slotBytes(size);
}

function slotBytes(size: number): number {
  return HEADER + Math.ceil((size * 4) / 64) * 64 + size * RECORD;
}

/** What a member calls: equal for all members, or they are out of step. */
export interface Signature {
  /** Operation, element type and reduction in one word. */
  readonly word: number;
  readonly root: number;
  /** Elements in all. */
  readonly length: number;
  /** Hash of the block lengths. */
  readonly counts: number;
}

/** One member's view of the control block. */
export class GroupControl {
  readonly #i32: Int32Array;
  readonly #f64: Float64Array;
  readonly #base: number;
  readonly #size: number;
  readonly #slotBytes: number;
  readonly #recordsAt: number;

  constructor(i32: Int32Array, f64: Float64Array, base: number, size: number) {
    this.#i32 = i32;
    this.#f64 = f64;
    this.#base = base;
    this.#size = size;
    this.#slotBytes = slotBytes(size);
    this.#recordsAt = HEADER + Math.ceil((size * 4) / 64) * 64;
  }

  /** True if the slot is clear for this piece: everyone has counted itself out of the piece SLOTS before. */
  isOpen(seq: number): boolean {
    // Slot 0 of a fresh block holds 0: the round is stored, not the sequence number.
    return Atomics.load(this.#i32, this.#slot(seq) + SLOT.sequence) === round(seq);
  }

  /** True if the slot has been cleared after this piece. */
  isOver(seq: number): boolean {
    return Atomics.load(this.#i32, this.#slot(seq) + SLOT.sequence) !== round(seq);
  }

  /** Leaves my record and counts me in; returns how many have arrived. */
  arrive(seq: number, member: number, offset: number, signature: Signature, sentAt: number): number {
    const slot = this.#slot(seq);
    const record = this.#record(seq, member);
    this.#i32[record + REC.offset] = offset | 0;
    this.#i32[record + REC.signature] = signature.word;
    this.#i32[record + REC.root] = signature.root;
    this.#i32[record + REC.counts] = signature.counts;
    this.#f64[(record >>> 1) + REC.length] = signature.length;
    this.#f64[(record >>> 1) + REC.sentAt] = sentAt;
    Atomics.store(this.#i32, record + REC.ready, (seq + 1) | 0);
    return Atomics.add(this.#i32, slot + SLOT.arrived, 1) + 1;
  }

  arrived(seq: number): number {
    return Atomics.load(this.#i32, this.#slot(seq) + SLOT.arrived);
  }

  hasArrived(seq: number, member: number): boolean {
    return Atomics.load(this.#i32, this.#record(seq, member) + REC.ready) === ((seq + 1) | 0);
  }

  /** Address of a member's data. */
  offset(seq: number, member: number): number {
    return this.#i32[this.#record(seq, member) + REC.offset]! >>> 0;
  }

  /** When what a member sent has arrived, in clock ms; 0 for "at once". */
  sentAt(seq: number, member: number): number {
    return this.#f64[(this.#record(seq, member) >>> 1) + REC.sentAt]!;
  }

  signature(seq: number, member: number): Signature {
    const record = this.#record(seq, member);
    return {
      word: this.#i32[record + REC.signature]!,
      root: this.#i32[record + REC.root]!,
      counts: this.#i32[record + REC.counts]!,
      length: this.#f64[(record >>> 1) + REC.length]!,
    };
  }

  /** Whether a member calls this. */
  isInStep(seq: number, member: number, { word, root, counts, length }: Signature): boolean {
    const record = this.#record(seq, member);
    const i32 = this.#i32;
    return (
      i32[record + REC.signature] === word &&
      i32[record + REC.root] === root &&
      i32[record + REC.counts] === counts &&
      this.#f64[(record >>> 1) + REC.length] === length
    );
  }

  /** When the second stage of an emulated all-reduce ends, in clock ms; NaN-free, 0 until it is known. */
  arrival(seq: number): number {
    return this.#f64[(this.#slot(seq) >>> 1) + ARRIVAL]!;
  }

  setArrival(seq: number, ms: number): void {
    this.#f64[(this.#slot(seq) >>> 1) + ARRIVAL] = ms;
  }

  /** Takes the reduction of a block on me; false if someone has it. */
  claim(seq: number, block: number, member: number): boolean {
    return Atomics.compareExchange(this.#i32, this.#slot(seq) + (HEADER >>> 2) + block, 0, member + 1) === 0;
  }

  /** Who reduces a block; −1 if nobody yet. */
  claimer(seq: number, block: number): number {
    return Atomics.load(this.#i32, this.#slot(seq) + (HEADER >>> 2) + block) - 1;
  }

  /** Counts blocks as reduced; returns how many are. */
  addReduced(seq: number, blocks: number): number {
    return Atomics.add(this.#i32, this.#slot(seq) + SLOT.reduced, blocks) + blocks;
  }

  reduced(seq: number): number {
    return Atomics.load(this.#i32, this.#slot(seq) + SLOT.reduced);
  }

  /** Counts me out; true if I was the last, and the slot is clear again. */
  finish(seq: number, member: number): boolean {
    const slot = this.#slot(seq);
    this.#i32[this.#record(seq, member) + REC.done] = (seq + 1) | 0;
    if (Atomics.add(this.#i32, slot + SLOT.finished, 1) + 1 < this.#size) return false;
    this.#i32.fill(0, slot + SLOT.arrived, slot + (this.#recordsAt >>> 2));
    Atomics.store(this.#i32, slot + SLOT.sequence, round(seq) + 1);
    return true;
  }

  /** Whether a member has counted itself out of a piece. */
  hasFinished(seq: number, member: number): boolean {
    return seq < 0 || this.#i32[this.#record(seq, member) + REC.done] === ((seq + 1) | 0);
  }

  #slot(seq: number): number {
    return (this.#base + (seq % SLOTS) * this.#slotBytes) >>> 2;
  }

  #record(seq: number, member: number): number {
    return (this.#base + (seq % SLOTS) * this.#slotBytes + this.#recordsAt + member * RECORD) >>> 2;
  }
}

function round(seq: number): number {
  return Math.floor(seq / SLOTS);
}
