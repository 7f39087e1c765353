/**
 * The halo exchange of one rank: rows to the ranks that read them, gradients of those rows back to their owners.
 *
 * Ring schedule: in step i a rank sends to rank + i and receives from rank − i, so that no rank is hit by all at once.
 * (GraNNDis, PACT 2024, vanilla vertex parallelism.)
 */
import type { ProcessGroup } from '@strata-ml/core';
import { gatherRowsInto, scatterAddRowsInto } from '@strata-ml/kernels';
import type { OneHopBlock } from '../plan/rankGraph.js';
import type { SendPlan } from '../plan/sendPlan.js';
import type { PeerWork, PhaseTimes } from './PhaseTimes.js';
import type { PendingExchange, RowExchange } from './RowExchange.js';

/** The part of a block that tells where halo rows lie. */
export type HaloLayout = Pick<OneHopBlock, 'numOwned' | 'numSources' | 'haloOffsets'>;

/** Sends and receives halo rows; owns the send buffers, which are reused from epoch to epoch. */
export class HaloExchange implements RowExchange {
  readonly #world: ProcessGroup;
  readonly #block: HaloLayout;
  readonly #plan: SendPlan;
  readonly #times: PhaseTimes;
  readonly #buffers = new Map<string, Float32Array>();

  /** @param times - charged with the waits */
  constructor(world: ProcessGroup, block: HaloLayout, plan: SendPlan, times: PhaseTimes) {
    this.#world = world;
    this.#block = block;
    this.#plan = plan;
    this.#times = times;
  }

  get isIdle(): boolean {
    return this.#block.numSources === this.#block.numOwned && this.#plan.sendRows.every((rows) => rows.length === 0);
  }

  startForward(x: Float32Array, width: number, halo: Float32Array, phase: string, layer: number): PendingExchange {
    return this.#start(
      (peer, rows) => {
        const packed = this.#buffer(`f${peer}`, rows.length * width);
        gatherRowsInto(x, width, rows, packed);
        return packed;
      },
      halo,
      width,
      { phase, layer, tag: 2 * layer },
    );
  }

  /**
   * Starts to exchange rows that `pack` writes, in the order of the send list; may be on its way while other exchanges run.
   *
   * @param halo - where rows land, float32 `[numHalo, width]`
   */
  startRows(
    pack: (rows: Int32Array, out: Float32Array) => void,
    width: number,
    halo: Float32Array,
    { phase, layer }: { readonly phase: string; readonly layer: number },
  ): PendingExchange {
    const packed = (peer: number, rows: Int32Array) => {
      const out = this.#buffer(`r${peer}`, rows.length * width);
      pack(rows, out);
      return out;
    };
    // Tags of layers begin at 2.
    return this.#start(packed, halo, width, { phase, layer, tag: 0 });
  }

  startBackward(
    haloGradient: Float32Array,
    width: number,
    gradient: Float32Array,
    phase: string,
    layer: number,
  ): PendingExchange {
    const { rank, size } = this.#world;
    const options = { phase, layer, tag: 2 * layer + 1 };
    const works: PeerWork[] = [];
    const received: { rows: Int32Array; data: Float32Array }[] = [];
    for (let i = 1; i < size; i++) {
      const to = (rank + i) % size;
      const from = (rank - i + size) % size;
      const rows = this.#plan.sendRows[from]!;
      if (rows.length > 0) {
        const data = this.#buffer(`b${from}`, rows.length * width);
        works.push({ peer: from, work: this.#world.irecv(data, from, options) });
        received.push({ rows, data });
      }
      const mine = this.#region(haloGradient, to, width);
      if (mine.length > 0) works.push({ peer: to, work: this.#world.isend(mine, to, options) });
    }
    return {
      finish: () => {
        this.#times.waitAll(works, 'halo gradients');
        for (const { rows, data } of received) scatterAddRowsInto(gradient, width, rows, data);
      },
    };
  }

  /** Exchanges rows that are made in pieces: `pack(peer, begin, end)` gives rows of the send list, `unpack` takes them. */
  exchangeInPieces(
    width: number,
    rowsPerPiece: number,
    options: { readonly phase: string; readonly layer: number },
    pack: (rows: Int32Array, out: Float32Array) => void,
    unpack: (firstHaloRow: number, rows: Float32Array) => void,
  ): void {
    const { rank, size } = this.#world;
    const { haloOffsets, numOwned } = this.#block;
    let largest = 0;
    for (let q = 0; q < size; q++) {
      largest = Math.max(largest, this.#plan.sendRows[q]!.length, haloOffsets[q + 1]! - haloOffsets[q]!);
    }
    for (let begin = 0; begin < largest; begin += rowsPerPiece) {
      const works: PeerWork[] = [];
      const arrived: { row: number; data: Float32Array }[] = [];
      for (let i = 1; i < size; i++) {
        const to = (rank + i) % size;
        const from = (rank - i + size) % size;
        const count = Math.min(rowsPerPiece, haloOffsets[from + 1]! - haloOffsets[from]! - begin);
        if (count > 0) {
          const data = this.#buffer(`pr${from}`, count * width);
          works.push({ peer: from, work: this.#world.irecv(data, from, { ...options, tag: 2 * options.layer }) });
          arrived.push({ row: haloOffsets[from]! - numOwned + begin, data });
        }
        const rows = this.#plan.sendRows[to]!.subarray(begin, begin + rowsPerPiece);
        if (rows.length > 0) {
          const data = this.#buffer(`ps${to}`, rows.length * width);
          pack(rows, data);
          works.push({ peer: to, work: this.#world.isend(data, to, { ...options, tag: 2 * options.layer }) });
        }
      }
      this.#times.waitAll(works, 'halo features');
      for (const { row, data } of arrived) unpack(row, data);
    }
  }

  #start(
    pack: (peer: number, rows: Int32Array) => Float32Array,
    halo: Float32Array,
    width: number,
    options: { phase: string; layer: number; tag: number },
  ): PendingExchange {
    const { rank, size } = this.#world;
    const works: PeerWork[] = [];
    for (let i = 1; i < size; i++) {
      const to = (rank + i) % size;
      const from = (rank - i + size) % size;
      const into = this.#region(halo, from, width);
      if (into.length > 0) works.push({ peer: from, work: this.#world.irecv(into, from, options) });
      const rows = this.#plan.sendRows[to]!;
      if (rows.length > 0) works.push({ peer: to, work: this.#world.isend(pack(to, rows), to, options) });
    }
    return { finish: () => this.#times.waitAll(works, 'halo rows') };
  }

  #region(halo: Float32Array, peer: number, width: number): Float32Array {
    const { haloOffsets, numOwned } = this.#block;
    return halo.subarray((haloOffsets[peer]! - numOwned) * width, (haloOffsets[peer + 1]! - numOwned) * width);
  }

  /** A send or receive buffer of at least `length`, kept per peer. A started exchange is finished before the next. */
  #buffer(key: string, length: number): Float32Array {
    let buffer = this.#buffers.get(key);
    if (!buffer || buffer.length < length) {
      buffer = new Float32Array(length);
      this.#buffers.set(key, buffer);
    }
    return buffer.subarray(0, length);
  }
}
