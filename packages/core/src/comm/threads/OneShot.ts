/**
 * Blocking all-reduces of short arrays, and barriers, at the cost of one meeting: each member copies its array to shared
 * memory and counts itself in; once all are there, each reduces all arrays for itself, in rank order, so that all get the
 * same bits. Nothing is allocated and nothing but the counter is looked at while it waits.
 *
 * In shared memory this is a collective like any other (see `Collective.ts`), so a member may take part in it here while
 * another does so asynchronously. What does not end while the rank waits awake goes on as a `Collective`. The ledger
 * counts the bytes of a flat all-reduce whatever is done for speed, as an emulated link would carry.
 */
import { elementTypeOf, reduceOpCode } from '../dtype.js';
import type { CommArray, ReduceOptions } from '../ProcessGroup.js';
import type { SentBytes } from '../SentBytes.js';
import type { CollectiveGroup } from './Collective.js';
import type { Signature } from './GroupControl.js';
import { isOneShot } from './Lanes.js';
import { signatureOf } from './signature.js';

/** How a call ended: done; not begun, as it cannot be done here; or begun, to be ended by a `Collective`. */
export type Outcome = 'done' | 'declined' | { readonly adopt: number };

const DONE = 'done';
const DECLINED = 'declined';

/** The one-shot calls of one group. */
export class OneShot {
  readonly #group: CollectiveGroup;
  readonly #sent: SentBytes;
  readonly #size: number;
  #barrier: Signature | undefined;
  #signature: Signature | undefined;
  #signatureWord = -1;
  #result: CommArray | undefined;

  constructor(group: CollectiveGroup, sent: SentBytes) {
    this.#group = group;
    this.#sent = sent;
    this.#size = group.ranks.length;
  }

  /** Counts the bytes unless it declines. */
  allReduce(data: CommArray, options: ReduceOptions, name: string): Outcome {
    const { end, control, members } = this.#group;
    if (end.ports || !isOneShot(data.byteLength, this.#size)) return DECLINED;
    const type = elementTypeOf('allReduce', data);
    const reduceOp = reduceOpCode('allReduce', options.op);
    const seq = this.#group.peekSequence();
    if (!control.isOpen(seq)) return DECLINED;
    const at = end.lanes.take(control, seq);
    if (at === 0) return DECLINED;
    this.#sent.allReduce(data.length, type.bytes, options);
    const token = end.trace.begin(name, 'comm');
    try {
      const memory = end.view(type.code);
      memory.set(data, at / type.bytes);
      let signature = this.#signature;
      const word = type.code | (reduceOp << 8);
      if (signature?.length !== data.length || word !== this.#signatureWord) {
        signature = signatureOf('allReduce', type, reduceOp, 0, [data.length]);
        this.#signature = signature;
        this.#signatureWord = word;
      }
      if (!this.#meet(name, seq, at, signature)) return { adopt: seq };
      const { result } = end.lanes;
      const table = end.table;
      for (const m of members) end.i32[table + m] = control.offset(seq, m);
      end.reduceTable(type.code, reduceOp, result, this.#size, data.length);
      data.set(this.#resultOf(memory, result / type.bytes, data.length));
      this.#finish(seq);
    } finally {
      end.trace.end(token, data.byteLength);
    }
    return DONE;
  }

  barrier(name: string): Outcome {
    const { end, control } = this.#group;
    const seq = this.#group.peekSequence();
    if (end.ports || !control.isOpen(seq)) return DECLINED;
    this.#barrier ??= signatureOf('barrier', elementTypeOf('barrier', new Uint8Array(0)), 0, 0, [0]);
    const token = end.trace.begin(name, 'comm');
    try {
      if (!this.#meet(name, seq, 0, this.#barrier)) return { adopt: seq };
      this.#finish(seq);
    } finally {
      end.trace.end(token, 0);
    }
    return DONE;
  }

  /** Counts me in and waits awake; false if not all came in time, or not all with the same call. */
  #meet(name: string, seq: number, at: number, signature: Signature): boolean {
    const { control, end, member, members, ranks } = this.#group;
    this.#group.nextSequence();
    end.enter(name);
    if (control.arrive(seq, member, at, signature, 0) === this.#size) end.ringAll(ranks);
    else {
      const { spin } = end;
      spin.begin();
      while (control.arrived(seq) < this.#size) if (!spin.turn()) return false;
    }
    for (const m of members) if (!control.isInStep(seq, m, signature)) return false;
    return true;
  }

  #finish(seq: number): void {
    const { control, end, member } = this.#group;
    if (control.finish(seq, member)) end.ringStarved();
  }

  /** Programs reduce the same lengths again and again. */
  #resultOf(memory: CommArray, begin: number, length: number): CommArray {
    const kept = this.#result;
    if (kept?.length === length && kept.constructor === memory.constructor) return kept;
    this.#result = memory.subarray(begin, begin + length);
    return this.#result;
  }
}
