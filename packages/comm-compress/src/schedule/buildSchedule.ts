/** Builds schedules: the compute order of each rank, with its messages in between. */
import { OptionError } from '@strata-ml/core';
import { forwardOrder, gpipeOrder, interleavedOrder, oneForwardOneBackwardOrder } from './computeOrder.js';
import {
  type ComputeOp,
  type P2pMode,
  p2pModes,
  type Schedule,
  type ScheduleKind,
  type ScheduleOp,
  scheduleKinds,
  type TransferOp,
} from './ops.js';

/** Options of {@link buildSchedule}. */
export interface ScheduleOptions {
  /** Model chunks per rank; more than 1 for `interleaved` only. @defaultValue `1` */
  readonly chunks?: number;
  /** @defaultValue `'async'` */
  readonly p2p?: P2pMode;
}

/**
 * The operations of every pipeline rank for one training step.
 *
 * @param stages - pipeline ranks, p
 * @param microBatches - micro-batches per replica and step, M
 * @throws {@link OptionError} if a number is out of range; `interleaved` needs M mod p = 0 and p ≥ 2.
 * @example
 * buildSchedule('1f1b', 2, 2).map(formatOps); // => ["F0.0 F0.1 B0.0 B0.1", "F0.0 B0.0 F0.1 B0.1"]
 */
export function buildSchedule(
  kind: ScheduleKind,
  stages: number,
  microBatches: number,
  { chunks = 1, p2p = 'async' }: ScheduleOptions = {},
): Schedule {
  check(kind, stages, microBatches, chunks, p2p);
  return Array.from({ length: stages }, (_, rank) => {
    const order =
      kind === 'gpipe'
        ? gpipeOrder(microBatches)
        : kind === '1f1b'
          ? oneForwardOneBackwardOrder(stages, rank, microBatches)
          : interleavedOrder(stages, rank, microBatches, chunks);
    return withTransfers(order, new Neighbours(stages, rank, microBatches, chunks, kind), p2p);
  });
}

/**
 * Forwards only, for evaluation.
 *
 * @throws {@link OptionError} if a number is out of range.
 */
export function buildForwardSchedule(stages: number, microBatches: number, chunks = 1): Schedule {
  check(chunks > 1 ? 'interleaved' : 'gpipe', stages, chunks > 1 ? stages : microBatches, chunks, 'async');
  return Array.from({ length: stages }, (_, rank) => {
    const neighbours = new Neighbours(stages, rank, microBatches, chunks, 'gpipe');
    return withTransfers(forwardOrder(stages, microBatches, chunks), neighbours, 'async');
  });
}

/** What a compute operation of one rank needs and makes. */
class Neighbours {
  readonly #stages: number;
  readonly #rank: number;
  readonly #chunks: number;
  readonly #isDrain: (sender: number, chunk: number, microBatch: number) => boolean;

  constructor(stages: number, rank: number, microBatches: number, chunks: number, kind: ScheduleKind) {
    this.#stages = stages;
    this.#rank = rank;
    this.#chunks = chunks;
    const orders = new Map<number, Set<string>>();
    this.#isDrain = (sender, chunk, microBatch) => {
      if (kind === 'gpipe') return true;
      let drain = orders.get(sender);
      if (!drain) {
        const order =
          kind === '1f1b'
            ? oneForwardOneBackwardOrder(stages, sender, microBatches)
            : interleavedOrder(stages, sender, microBatches, chunks);
        const lastForward = order.findLastIndex((op) => op.kind === 'forward');
        drain = new Set(order.slice(lastForward + 1).map((op) => `${op.chunk}.${op.microBatch}`));
        orders.set(sender, drain);
      }
      return drain.has(`${chunk}.${microBatch}`);
    };
  }

  input({ kind, chunk, microBatch }: ComputeOp): TransferOp[] {
    return this.#transfer('recv', kind, chunk, microBatch, kind === 'forward' ? -1 : 1);
  }

  output({ kind, chunk, microBatch }: ComputeOp): TransferOp[] {
    return this.#transfer('send', kind, chunk, microBatch, kind === 'forward' ? 1 : -1);
  }

  #transfer(
    kind: TransferOp['kind'],
    direction: ComputeOp['kind'],
    chunk: number,
    microBatch: number,
    towards: -1 | 1,
  ): TransferOp[] {
    const mine = chunk * this.#stages + this.#rank;
    const other = mine + towards;
    if (other < 0 || other >= this.#stages * this.#chunks) return [];
    const peer = other % this.#stages;
    const sender = kind === 'send' ? mine : other;
    const isDrain =
      direction === 'backward' && this.#isDrain(sender % this.#stages, Math.floor(sender / this.#stages), microBatch);
    return [{ kind, direction, peer, boundary: Math.min(mine, other), chunk, microBatch, isDrain }];
  }
}

function withTransfers(order: readonly ComputeOp[], neighbours: Neighbours, p2p: P2pMode): ScheduleOp[] {
  const ops: ScheduleOp[] = [];
  for (const [i, op] of order.entries()) {
    if (i === 0) ops.push(...neighbours.input(op));
    ops.push(op);
    const next = order[i + 1];
    const out = neighbours.output(op);
    const into = next ? neighbours.input(next) : [];
    const transfers = [...out, ...into];
    // A pair of opposite directions on one link must be posted together, or both ends block on their sends.
    const isPair = p2p === 'batchedSync' && transfers.length === 2 && op.kind !== next?.kind;
    if (isPair) ops.push({ kind: 'exchange', transfers });
    else ops.push(...transfers);
  }
  return ops;
}

function check(kind: ScheduleKind, stages: number, microBatches: number, chunks: number, p2p: P2pMode): void {
  const where = 'buildSchedule';
  if (!scheduleKinds.includes(kind)) throw new OptionError(where, 'kind', kind, `one of ${scheduleKinds.join(', ')}`);
  if (!p2pModes.includes(p2p)) throw new OptionError(where, 'p2p', p2p, `one of ${p2pModes.join(', ')}`);
  for (const [name, value] of Object.entries({ stages, microBatches, chunks })) {
    if (!(Number.isSafeInteger(value) && value >= 1)) throw new OptionError(where, name, value, 'a whole number ≥ 1');
  }
  if (kind !== 'interleaved') {
    if (chunks !== 1) throw new OptionError(where, 'chunks', chunks, `1 for ${kind}`, 'choose interleaved');
    return;
  }
  if (stages < 2) throw new OptionError(where, 'stages', stages, 'at least 2 for interleaved', 'choose 1f1b');
  if (microBatches % stages !== 0) {
    throw new OptionError(where, 'microBatches', microBatches, `a multiple of ${stages}, the number of stages`);
  }
  if (p2p !== 'async') throw new OptionError(where, 'p2p', p2p, 'async for interleaved');
}
