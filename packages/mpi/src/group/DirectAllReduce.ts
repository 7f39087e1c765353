/** All-reduces that need no preparation: which those are, and what they are counted as, without allocating per call. */
import type { CommArray, CommOptions, LinkClass, ReduceOp, TrafficLedger } from '@strata-ml/core';
import { checkOp } from './check.js';
import { needsOrderedKeys } from './orderedKeys.js';
import { allReduceOutgoing } from './traffic.js';

interface Sent {
  readonly linkClass: LinkClass;
  readonly bytes: number;
  readonly messages: number;
}

/** See {@link MpiProcessGroup}. */
export class DirectAllReduce {
  readonly #ledger: TrafficLedger;
  readonly #classOf: (member: number) => LinkClass;
  readonly #rank: number;
  readonly #size: number;
  #length = -1;
  #bytesPerElement = 0;
  #sent: readonly Sent[] = [];

  constructor(ledger: TrafficLedger, classOf: (member: number) => LinkClass, rank: number, size: number) {
    this.#ledger = ledger;
    this.#classOf = classOf;
    this.#rank = rank;
    this.#size = size;
  }

  /** Whether the library reduces these as we promise; see `reducible.ts`. */
  takes(data: CommArray, op: ReduceOp): boolean {
    checkOp('allReduce', op);
    const isShort = data instanceof Uint8Array || data instanceof Uint16Array;
    return !(isShort && (op === 'sum' || op === 'prod')) && !needsOrderedKeys(data, op);
  }

  /** Counts one all-reduce of this array. */
  count(data: CommArray, { phase = 'other', layer }: CommOptions): void {
    if (data.length !== this.#length || data.BYTES_PER_ELEMENT !== this.#bytesPerElement) this.#prepare(data);
    for (const { linkClass, bytes, messages } of this.#sent) this.#ledger.add(linkClass, phase, layer, bytes, messages);
  }

  /** Programs reduce the same lengths again and again. */
  #prepare(data: CommArray): void {
    this.#length = data.length;
    this.#bytesPerElement = data.BYTES_PER_ELEMENT;
    const sums = new Map<LinkClass, { bytes: number; messages: number }>();
    for (const step of allReduceOutgoing(this.#rank, this.#size, data.length, data.BYTES_PER_ELEMENT)) {
      for (const [to, bytes] of step.entries()) {
        if (to === this.#rank || bytes === 0) continue;
        const sum = sums.get(this.#classOf(to)) ?? { bytes: 0, messages: 0 };
        sums.set(this.#classOf(to), { bytes: sum.bytes + bytes, messages: sum.messages + 1 });
      }
    }
    this.#sent = [...sums].map(([linkClass, sum]) => ({ linkClass, ...sum }));
  }
}
