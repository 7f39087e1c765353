/**
 * A halo exchange of quantised rows and gradients (AdaQP, MLSys 2023, arXiv:2306.01381). The sender chooses the bits of
 * each row, and tells the receiver when it chooses anew.
 */
import { type ProcessGroup, Rng } from '@strata-ml/core';
import { gatherRowsInto, scatterAddRowsInto } from '@strata-ml/kernels';
import type { OneHopBlock } from '../plan/rankGraph.js';
import type { SendPlan } from '../plan/sendPlan.js';
import { type AssignBitsOptions, assignBits } from './assignBits.js';
import type { PeerWork, PhaseTimes } from './PhaseTimes.js';
import { decodeRows, encodeRows, type MessageBits, messageBytes } from './quantisedRows.js';
import type { PendingExchange, RowExchange } from './RowExchange.js';

/** What a {@link QuantisedExchange} is made from. */
export interface QuantisedExchangeOptions {
  readonly world: ProcessGroup;
  readonly block: Pick<OneHopBlock, 'numOwned' | 'numSources' | 'haloOffsets' | 'globalIds'>;
  readonly plan: SendPlan;
  readonly times: PhaseTimes;
  /** Bits of every row until {@link QuantisedExchange.assign} is called. */
  readonly bits: MessageBits;
  /** Sum of squared weights with which peer q sums each row that I send it, in the order of the send plan. */
  readonly weights: readonly Float64Array[];
}

/** One direction: what I send to each peer, and what each sends me. */
interface Lane {
  readonly name: 'rows' | 'gradients';
  /** Global ids of the rows I send, by peer: the counters of their noise. */
  readonly ids: readonly Int32Array[];
  readonly weights: readonly Float64Array[];
  sent: readonly Uint8Array[];
  received: readonly Uint8Array[];
  /** Range of each row I sent last, by peer, and columns of it. */
  readonly ranges: readonly Float64Array[];
  width: number;
}

/** The exchange of one layer. */
export class QuantisedExchange implements RowExchange {
  readonly #options: QuantisedExchangeOptions;
  readonly #rows: Lane;
  readonly #gradients: Lane;
  #rng = new Rng(0);

  constructor(options: QuantisedExchangeOptions) {
    const { world, block, plan, bits, weights } = options;
    const { globalIds, haloOffsets } = block;
    this.#options = options;
    const read = Array.from({ length: world.size }, (_, q) => globalIds.subarray(haloOffsets[q]!, haloOffsets[q + 1]!));
    const lent = plan.sendRows.map((rows) => Int32Array.from(rows, (row) => globalIds[row]!));
    const lane = (
      name: Lane['name'],
      out: Int32Array[],
      back: Int32Array[],
      scales: readonly Float64Array[],
    ): Lane => ({
      name,
      ids: out,
      weights: scales,
      sent: out.map((ids) => new Uint8Array(ids.length).fill(bits)),
      received: back.map((ids) => new Uint8Array(ids.length).fill(bits)),
      ranges: out.map((ids) => new Float64Array(ids.length)),
      width: 0,
    });
    this.#rows = lane('rows', lent, read, weights);
    // A returned gradient is added as it is.
    this.#gradients = lane(
      'gradients',
      read,
      lent,
      read.map((ids) => new Float64Array(ids.length).fill(1)),
    );
  }

  get isIdle(): boolean {
    return [...this.#rows.ids, ...this.#gradients.ids].every((ids) => ids.length === 0);
  }

  /** Bits of the rows that each peer sends me in the next pass, and of the gradients. */
  get received(): { readonly rows: readonly Uint8Array[]; readonly gradients: readonly Uint8Array[] } {
    return { rows: this.#rows.received, gradients: this.#gradients.received };
  }

  /** Noise of the passes from here on. */
  beginEpoch(rng: Rng): void {
    this.#rng = rng;
  }

  startForward(x: Float32Array, width: number, halo: Float32Array, phase: string, layer: number): PendingExchange {
    const { block, plan } = this.#options;
    const read = (peer: number) => {
      const rows = plan.sendRows[peer]!;
      const packed = new Float32Array(rows.length * width);
      gatherRowsInto(x, width, rows, packed);
      return packed;
    };
    return this.#start(this.#rows, width, { phase, layer, tag: 2 * layer }, read, (peer, rows) =>
      halo.set(rows, (block.haloOffsets[peer]! - block.numOwned) * width),
    );
  }

  startBackward(
    haloGradient: Float32Array,
    width: number,
    gradient: Float32Array,
    phase: string,
    layer: number,
  ): PendingExchange {
    const { block, plan } = this.#options;
    const { haloOffsets, numOwned } = block;
    const read = (peer: number) =>
      haloGradient.subarray((haloOffsets[peer]! - numOwned) * width, (haloOffsets[peer + 1]! - numOwned) * width);
    return this.#start(this.#gradients, width, { phase, layer, tag: 2 * layer + 1 }, read, (peer, rows) =>
      scatterAddRowsInto(gradient, width, plan.sendRows[peer]!, rows),
    );
  }

  /** Chooses bits by the ranges of the last pass and tells the receivers; collective. */
  assign(layer: number, options: AssignBitsOptions): void {
    for (const lane of [this.#rows, this.#gradients]) {
      const harm = lane.ids.flatMap((ids, q) =>
        Array.from(ids, (_, i) => (lane.width / 6) * lane.ranges[q]![i]! ** 2 * lane.weights[q]![i]!),
      );
      const bits = assignBits(Float64Array.from(harm), options);
      let at = 0;
      lane.sent = lane.ids.map((ids) => {
        at += ids.length;
        return bits.slice(at - ids.length, at);
      });
      lane.received = lane.received.map((old) => new Uint8Array(old.length));
      const send = { phase: 'bits', layer, tag: 2 * layer + (lane.name === 'rows' ? 0 : 1) };
      this.#ring(
        (peer) => lane.received[peer]!,
        (peer) => lane.sent[peer]!,
        send,
        'bits',
      ).finish();
    }
  }

  #start(
    lane: Lane,
    width: number,
    options: { readonly phase: string; readonly layer: number; readonly tag: number },
    read: (peer: number) => Float32Array,
    land: (peer: number, rows: Float32Array) => void,
  ): PendingExchange {
    const rng = this.#rng.split(lane.name, options.layer, this.#options.world.rank);
    lane.width = width;
    const messages = lane.received.map((bits) => new Uint8Array(messageBytes(bits, width)));
    const pending = this.#ring(
      (peer) => messages[peer]!,
      (peer) => {
        const bits = lane.sent[peer]!;
        const message = new Uint8Array(messageBytes(bits, width));
        if (bits.length === 0) return message;
        encodeRows(read(peer), { width, bits }, { rng, ids: lane.ids[peer]! }, lane.ranges[peer]!, message);
        return message;
      },
      options,
      `quantised ${lane.name}`,
    );
    return {
      finish: () => {
        pending.finish();
        for (const peer of this.#peers((i) => -i)) {
          const bits = lane.received[peer]!;
          if (bits.length === 0) continue;
          const rows = new Float32Array(bits.length * width);
          decodeRows(messages[peer]!, { width, bits }, rows);
          land(peer, rows);
        }
      },
    };
  }

  /** Starts to receive and send one array per peer; empty ones do not travel. */
  #ring(
    into: (peer: number) => Uint8Array,
    from: (peer: number) => Uint8Array,
    options: { readonly phase: string; readonly layer: number; readonly tag: number },
    name: string,
  ): PendingExchange {
    const { world, times } = this.#options;
    const works: PeerWork[] = [];
    const senders = this.#peers((i) => -i);
    this.#peers((i) => i).forEach((to, i) => {
      const sender = senders[i]!;
      const landing = into(sender);
      if (landing.length > 0) works.push({ peer: sender, work: world.irecv(landing, sender, options) });
      const leaving = from(to);
      if (leaving.length > 0) works.push({ peer: to, work: world.isend(leaving, to, options) });
    });
    return { finish: () => times.waitAll(works, name) };
  }

  #peers(shift: (i: number) => number): number[] {
    const { rank, size } = this.#options.world;
    return Array.from({ length: size - 1 }, (_, i) => (rank + shift(i + 1) + size) % size);
  }
}
