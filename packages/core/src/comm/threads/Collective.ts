/**
 * One collective of a group in flight, as pieces that move through the group's slots.
 *
 * A piece: each member copies its slice of every block it contributes to its arena and counts itself in (`hand over`).
 * Once those it needs have done so, blocks are reduced in place, in rank order, by whoever comes first: the result does
 * not depend on who. Then each member copies out what it is to have and counts itself out. The next pieces are handed
 * over meanwhile, so copying, reducing and waiting for links overlap.
 */
import type { ElementType } from '../dtype.js';
import type { Pending } from '../Pending.js';
import type { CommArray } from '../ProcessGroup.js';
import { broadcastTree } from './broadcastTree.js';
import type { Endpoint } from './Endpoint.js';
import { type GroupControl, type Signature, SLOTS } from './GroupControl.js';
import { checkInStep, isSameCall, type Operation, signatureOf } from './signature.js';

/** Bytes that a member hands over per piece. */
const PIECE_BYTES = 2 ** 20;
/** Pieces of a blocking collective in flight: enough to overlap, few enough to stay in the cache. */
const WINDOW = 2;
/** Below this many bytes in all, the last to arrive reduces everything before it wakes the others. */
const SMALL_BYTES = 2 ** 16;
/** This user of the arena, see {@link Endpoint.starve}. */
const STARVED = 2;

/** What a collective does; the same on every member but for the arrays. */
export interface CollectivePlan {
  readonly operation: Operation;
  /** For messages: `allReduce (gradient)`. */
  readonly name: string;
  readonly type: ElementType;
  readonly reduceOp: number;
  /** Member index; 0 where there is none. */
  readonly root: number;
  /** Elements of each block: one block, or one per member. */
  readonly counts: readonly number[];
  /** Where each block begins in the array that holds them all. */
  readonly offsets: readonly number[];
  /** What I contribute: all blocks, or (allGather) my own. */
  readonly input: CommArray | undefined;
  /** What I get: all blocks, or (reduceScatter) my own. */
  readonly output: CommArray | undefined;
  /** A blocking call keeps few pieces in flight; others hand over as much as there is space for. */
  readonly isBlocking: boolean;
}

/** The group a collective runs in. */
export interface CollectiveGroup {
  readonly end: Endpoint;
  readonly control: GroupControl;
  readonly member: number;
  readonly ranks: readonly number[];
  readonly members: readonly number[];
  /** Takes the next sequence number. */
  nextSequence(): number;
  peekSequence(): number;
  /** Notes arena space that is free again when the piece is over. */
  lend(seq: number, offset: number): void;
  /** Gives back what was lent to pieces that are over, so that few pages of the arena are used again and again. */
  reclaim(): void;
}

/** A collective in flight. */
export class Collective implements Pending {
  readonly name: string;
  readonly plan: CollectivePlan;
  isDone = false;
  error: Error | undefined;
  advances = 0;
  readonly #group: CollectiveGroup;
  readonly #pieces: number;
  /** Elements of a block that one piece holds. */
  readonly #slice: number;
  readonly #stride: number;
  readonly #signature: Signature;
  readonly #isRoot: boolean;
  /** An all-reduce of one block, which every member reduces for itself. */
  readonly #isOneShot: boolean;
  readonly #window: number;
  /** Sequence numbers of pieces handed over and not finished. */
  readonly #inFlight: number[] = [];
  #handedOver = 0;
  #finished = 0;
  #checked = false;
  #triedReducing = false;

  /** @param adopted - the sequence number of its only piece, if {@link OneShot} has handed that over already */
  constructor(group: CollectiveGroup, plan: CollectivePlan, adopted?: number) {
    this.#group = group;
    this.plan = plan;
    this.name = plan.name;
    const { counts, operation, type, root, reduceOp } = plan;
    this.#isRoot = root === group.member;
    this.#isOneShot = operation === 'allReduce' && counts.length === 1;
    const largest = counts.reduce((max, n) => Math.max(max, n), 0);
    const share = operation === 'allGather' ? PIECE_BYTES : Math.max(4096, PIECE_BYTES / counts.length);
    this.#slice = Math.max(1, Math.floor(share / type.bytes));
    this.#stride = Math.ceil((Math.min(largest, this.#slice) * type.bytes) / 64) * 64;
    this.#pieces = Math.max(1, Math.ceil(largest / this.#slice));
    // A link that is emulated must never idle because a rank was late to hand over the next piece.
    this.#window = plan.isBlocking && !group.end.ports ? WINDOW : SLOTS;
    this.#signature = signatureOf(operation, type, reduceOp, root, counts);
    if (adopted !== undefined) {
      this.#inFlight.push(adopted);
      this.#handedOver = 1;
    }
  }

  /** True once nothing more is to be handed over, so that the group's next collective may start. */
  get isHandedOver(): boolean {
    return this.#handedOver === this.#pieces;
  }

  /** Moves on what can be; returns the clock time in ms from which more can be done without a peer. */
  progress(mayHandOver: boolean): number {
    let next = Number.POSITIVE_INFINITY;
    for (;;) {
      while (mayHandOver && !this.isHandedOver && this.#inFlight.length < this.#window && this.#handOver());
      const at = this.#inFlight.length > 0 ? this.#finish(this.#inFlight[0]!) : Number.POSITIVE_INFINITY;
      if (at !== 0) {
        next = Math.min(next, at);
        break;
      }
      this.#inFlight.shift();
      this.#finished++;
      this.#triedReducing = false;
      this.advances++;
      if (this.#finished === this.#pieces) {
        this.isDone = true;
        break;
      }
    }
    return next;
  }

  missing(): readonly number[] {
    const { control, ranks, members } = this.#group;
    const seq = this.#inFlight[0];
    if (seq === undefined) {
      const before = this.#group.peekSequence() - SLOTS;
      return members.filter((m) => !control.hasFinished(before, m)).map((m) => ranks[m]!);
    }
    const absent = this.#needed().filter((m) => !control.hasArrived(seq, m));
    if (absent.length > 0) return absent.map((m) => ranks[m]!);
    if (!this.#needsReduced() || control.reduced(seq) === this.plan.counts.length) return [];
    return [...new Set(this.plan.counts.map((_, b) => control.claimer(seq, b)))]
      .filter((m) => m >= 0)
      .map((m) => ranks[m]!);
  }

  /** Copies my part of the next piece to shared memory; false if there is no space yet. */
  #handOver(): boolean {
    const group = this.#group;
    const { control, end, member, ranks } = group;
    const { operation, type, counts, offsets, input } = this.plan;
    const seq = group.peekSequence();
    if (!control.isOpen(seq)) {
      end.starve(STARVED, true);
      return false;
    }
    const begin = this.#handedOver * this.#slice;
    group.reclaim();
    let at = 0;
    const contributes = input !== undefined && (operation !== 'broadcast' || this.#isRoot);
    if (this.#isOneShot && !end.lanes.isReady()) {
      end.starve(STARVED, true);
      return false;
    }
    if (contributes && this.#stride > 0) {
      at = end.takeSpace(operation === 'allGather' ? this.#stride : this.#stride * counts.length);
      if (at === 0) {
        end.starve(STARVED, true);
        return false;
      }
      const memory = end.view(type.code);
      if (operation === 'allGather') copyIn(memory, at / type.bytes, input, begin, this.#sliceOf(member, begin));
      else {
        for (let b = 0; b < counts.length; b++) {
          const to = (at + b * this.#stride) / type.bytes;
          copyIn(memory, to, input, offsets[b]! + begin, this.#sliceOf(b, begin));
        }
      }
      group.lend(seq, at);
    }
    end.starve(STARVED, false);
    group.nextSequence();
    const sentAt = end.ports ? this.#sendOnLinks(begin) : 0;
    const arrived = control.arrive(seq, member, at, this.#signature, sentAt);
    this.#inFlight.push(seq);
    this.#handedOver++;
    if (arrived === ranks.length) {
      if (operation === 'allReduce') {
        const isSmall = this.#needsReduced() && this.#bytesOfPiece(begin) <= SMALL_BYTES;
        if (isSmall && this.#isInStep(seq)) this.#reduceBlocks(seq, begin, true);
        if (end.ports) control.setArrival(seq, this.#secondStage(seq, begin));
      }
      end.ringAll(ranks);
    } else if (operation === 'broadcast' && this.#isRoot) end.ringAll(ranks);
    return true;
  }

  /** Finishes a piece; 0 if it is finished, else the time from which it can be, Infinity if that needs a peer. */
  #finish(seq: number): number {
    const { control, end, member, ranks } = this.#group;
    const begin = this.#finished * this.#slice;
    if (!this.#hasAllNeeded(seq)) return Number.POSITIVE_INFINITY;
    if (!this.#checked) {
      const present = this.#needed().filter((m) => control.hasArrived(seq, m));
      const calls = present.map((m) => ({ rank: ranks[m]!, signature: control.signature(seq, m) }));
      checkInStep(this.name, { rank: end.rank, signature: this.#signature }, calls);
      this.#checked = true;
    }
    if (this.#needsReduced()) {
      if (!this.#triedReducing) {
        this.#triedReducing = true;
        this.#reduceBlocks(seq, begin, false);
      }
      if (control.reduced(seq) < this.plan.counts.length) return Number.POSITIVE_INFINITY;
    }
    if (end.ports) {
      const arrival = this.#arrival(seq);
      if (arrival < 0) return Number.POSITIVE_INFINITY;
      if (arrival > end.now()) return arrival;
    }
    this.#copyOut(seq, begin);
    if (control.finish(seq, member)) end.ringStarved();
    return 0;
  }

  /** Members whose data I need before I can finish. */
  #needed(): readonly number[] {
    const { operation, root } = this.plan;
    if (!this.#group.end.checkComm) {
      if (operation === 'broadcast') return this.#isRoot ? [] : [root];
      if (operation === 'reduce' && !this.#isRoot) return [];
    }
    return this.#group.members;
  }

  #hasAllNeeded(seq: number): boolean {
    const { control, ranks } = this.#group;
    const needed = this.#needed();
    if (needed.length === ranks.length) return control.arrived(seq) === ranks.length;
    return needed.every((m) => control.hasArrived(seq, m));
  }

  #needsReduced(): boolean {
    return this.plan.operation === 'allReduce' && !this.#isOneShot;
  }

  /** Reduces blocks nobody has taken, mine first; `isAlone` if the others still sleep. */
  #reduceBlocks(seq: number, begin: number, isAlone: boolean): void {
    const { control, end, member, members, ranks } = this.#group;
    const { counts, type, reduceOp } = this.plan;
    let bases: readonly number[] | undefined;
    let done = 0;
    for (let i = 0; i < counts.length; i++) {
      const block = (member + i) % counts.length;
      if (!control.claim(seq, block, member)) continue;
      done++;
      const length = this.#sliceOf(block, begin);
      if (length === 0) continue;
      bases ??= members.map((m) => control.offset(seq, m));
      const from = block * this.#stride;
      const sources = bases.map((base) => base + from);
      end.reduce(type.code, reduceOp, sources[block]!, sources, length);
    }
    if (done > 0 && control.addReduced(seq, done) === counts.length && !isAlone) end.ringAll(ranks);
  }

  #copyOut(seq: number, begin: number): void {
    const { control, end, member, members } = this.#group;
    const { operation, type, counts, offsets, output, reduceOp, root } = this.plan;
    if (!output || this.#stride === 0) return;
    const memory = end.view(type.code);
    const take = (address: number, block: number, to: number) => {
      copyOut(memory, address / type.bytes, output, to, this.#sliceOf(block, begin));
    };
    switch (operation) {
      case 'allReduce':
        if (this.#isOneShot) {
          const { result } = end.lanes;
          const sources = members.map((m) => control.offset(seq, m));
          end.reduce(type.code, reduceOp, result, sources, counts[0]!);
          take(result, 0, 0);
          break;
        }
        for (let b = 0; b < counts.length; b++) {
          take(control.offset(seq, b) + b * this.#stride, b, offsets[b]! + begin);
        }
        break;
      case 'allGather':
        for (let b = 0; b < counts.length; b++) take(control.offset(seq, b), b, offsets[b]! + begin);
        break;
      case 'broadcast':
        if (!this.#isRoot) take(control.offset(seq, root), 0, begin);
        break;
      case 'reduce':
      case 'reduceScatter': {
        if (operation === 'reduce' && !this.#isRoot) break;
        const block = operation === 'reduce' ? 0 : member;
        const length = this.#sliceOf(block, begin);
        if (length === 0) break;
        const from = block * this.#stride;
        const sources = members.map((m) => control.offset(seq, m) + from);
        const target = sources[member]!;
        end.reduce(type.code, reduceOp, target, sources, length);
        take(target, block, begin);
        break;
      }
      default:
    }
  }

  /** Elements of a block in the piece that begins at `begin`. */
  #sliceOf(block: number, begin: number): number {
    return Math.max(0, Math.min(this.#slice, this.plan.counts[block]! - begin));
  }

  #bytesOfPiece(begin: number): number {
    let elements = 0;
    for (let b = 0; b < this.plan.counts.length; b++) elements += this.#sliceOf(b, begin);
    return elements * this.plan.type.bytes * this.#group.ranks.length;
  }

  /** First stage on emulated links: what I send in this piece. Returns when it has arrived. */
  #sendOnLinks(begin: number): number {
    const { end, member, ranks } = this.#group;
    const { operation, type, root } = this.plan;
    const { ports } = end;
    if (!ports) return 0;
    const mine = [ranks[member]!];
    const bytes = (block: number) => this.#sliceOf(block, begin) * type.bytes;
    switch (operation) {
      case 'barrier':
        return ports.stage(mine, ranks, () => 0);
      case 'allReduce':
      case 'reduceScatter':
        return ports.stage(mine, ranks, (_, to) => bytes(to));
      case 'allGather':
        return ports.stage(mine, ranks, () => bytes(member));
      case 'reduce':
        return this.#isRoot ? 0 : ports.stage(mine, [ranks[root]!], () => bytes(0));
      case 'broadcast': {
        if (!this.#isRoot) return 0;
        const tree = broadcastTree(ranks, root, end.fabric.serverOf);
        const first = ports.stage(mine, tree.fromRoot, () => bytes(0));
        return tree.relays.reduce((last, { leader, to }) => {
          return Math.max(
            last,
            ports.stage([leader], to, () => bytes(0), first),
          );
        }, first);
      }
    }
  }

  /** Second stage of an all-reduce: every member sends its reduced block to all. */
  #secondStage(seq: number, begin: number): number {
    const { control, end, members, ranks } = this.#group;
    const first = members.reduce((last, m) => Math.max(last, control.sentAt(seq, m)), 0);
    const { bytes } = this.plan.type;
    return Math.max(1, end.ports?.stage(ranks, ranks, (from) => this.#sliceOf(from, begin) * bytes, first) ?? 0);
  }

  /** When all I wait for has crossed its links; −1 if that is not known yet. */
  #arrival(seq: number): number {
    const { control } = this.#group;
    if (this.plan.operation === 'allReduce') return control.arrival(seq) || -1;
    return this.#needed().reduce((last, m) => Math.max(last, control.sentAt(seq, m)), 0);
  }

  #isInStep(seq: number): boolean {
    const { control, members } = this.#group;
    return members.every((m) => isSameCall(control.signature(seq, m), this.#signature));
  }
}

function copyIn(memory: CommArray, at: number, from: CommArray, begin: number, length: number): void {
  if (length > 0) memory.set(length === from.length ? from : from.subarray(begin, begin + length), at);
}

function copyOut(memory: CommArray, at: number, into: CommArray, begin: number, length: number): void {
  if (length > 0) into.set(memory.subarray(at, at + length), begin);
}
