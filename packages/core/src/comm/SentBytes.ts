/** Counts what one member of a group sends, by the closed form of each algorithm. */
import { evenCounts, offsetsOf } from './blocks.js';
import type { LinkClass, TrafficLedger } from './counters.js';
import type { CommOptions } from './ProcessGroup.js';

/** Bytes that accompany each message: its descriptor or record. */
const HEADER_BYTES = 64;
interface EvenBlocks {
  readonly counts: readonly number[];
  readonly offsets: readonly number[];
  /** What I send, by class. */
  readonly sent: readonly { readonly linkClass: LinkClass; readonly elements: number; readonly messages: number }[];
}

/** The ledger of one rank, seen from one of its groups. */
export class SentBytes {
  readonly #ledger: TrafficLedger;
  readonly #ranks: readonly number[];
  readonly #member: number;
  readonly #serverOf: readonly number[];
  readonly #even = new Map<number, EvenBlocks>();

  constructor(ledger: TrafficLedger, ranks: readonly number[], member: number, serverOf: readonly number[]) {
    this.#ledger = ledger;
    this.#ranks = ranks;
    this.#member = member;
    this.#serverOf = serverOf;
  }

  /** Counts one message to a world rank. */
  message(peer: number, bytes: number, { phase = 'other', layer }: CommOptions): void {
    this.#ledger.add(this.#classOf(peer), phase, layer, bytes, 1, HEADER_BYTES);
  }

  /** Counts a flat all-reduce of n elements; returns its blocks. */
  allReduce(n: number, elementBytes: number, { phase = 'other', layer }: CommOptions): EvenBlocks {
    const even = this.#evenly(n);
    for (const { linkClass, elements, messages } of even.sent) {
      this.#ledger.add(linkClass, phase, layer, elements * elementBytes, messages, messages * HEADER_BYTES);
    }
    return even;
  }

  /** Counts what I send: `bytes(i)` to the i-th of `ranks`. Empty messages are not sent. */
  count(ranks: readonly number[], bytes: (index: number) => number, { phase = 'other', layer }: CommOptions): void {
    const sums = { local: 0, intra: 0, inter: 0 };
    const messages = { local: 0, intra: 0, inter: 0 };
    for (let i = 0; i < ranks.length; i++) {
      if (ranks[i] === this.#ranks[this.#member]) continue;
      const n = bytes(i);
      if (n === 0) continue;
      const linkClass = this.#classOf(ranks[i]!);
      sums[linkClass] += n;
      messages[linkClass]++;
    }
    for (const c of ['intra', 'inter'] as const) {
      if (messages[c] > 0) this.#ledger.add(c, phase, layer, sums[c], messages[c], messages[c] * HEADER_BYTES);
    }
  }

  /** Even blocks of n elements and what a flat all-reduce of them sends; kept, as the same lengths come back. */
  #evenly(n: number): EvenBlocks {
    let even = this.#even.get(n);
    if (!even) {
      const counts = evenCounts(n, this.#ranks.length);
      even = { counts, offsets: offsetsOf(counts), sent: this.#sentByAllReduce(counts) };
      if (this.#even.size > 64) this.#even.clear();
      this.#even.set(n, even);
    }
    return even;
  }

  /** Reduce-scatter: block r to rank r. All-gather: my block to all. */
  #sentByAllReduce(counts: readonly number[]): EvenBlocks['sent'] {
    const mine = counts[this.#member]!;
    return (['intra', 'inter'] as const).flatMap((linkClass) => {
      let elements = 0;
      let messages = 0;
      for (let r = 0; r < this.#ranks.length; r++) {
        if (this.#classOf(this.#ranks[r]!) !== linkClass) continue;
        elements += counts[r]! + mine;
        messages += (counts[r]! > 0 ? 1 : 0) + (mine > 0 ? 1 : 0);
      }
      return messages > 0 ? [{ linkClass, elements, messages }] : [];
    });
  }

  #classOf(rank: number): LinkClass {
    const me = this.#ranks[this.#member]!;
    if (rank === me) return 'local';
    return this.#serverOf[rank] === this.#serverOf[me] ? 'intra' : 'inter';
  }
}
