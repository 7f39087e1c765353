/** Pipeline schedules as data: one list of operations per pipeline rank drives the runtime, the simulator and pictures. */
import type { Direction } from '../train/hooks.js';

/** Schedules with a flush after every step. */
export const scheduleKinds = ['gpipe', '1f1b', 'interleaved'] as const;
/** One of {@link scheduleKinds}. */
export type ScheduleKind = (typeof scheduleKinds)[number];

/**
 * How messages between stages are sent. `batchedSync`: a stage posts a send and the receive of the opposite direction
 * together and waits for both, as Megatron-LM does. `async`: sends are queued, a stage waits only for data it needs.
 */
export const p2pModes = ['batchedSync', 'async'] as const;
/** One of {@link p2pModes}. */
export type P2pMode = (typeof p2pModes)[number];

/** Forward or backward of one micro-batch through one chunk. */
export interface ComputeOp {
  readonly kind: Direction;
  /** Model chunk of this rank; chunk j of rank r is virtual stage j · p + r. */
  readonly chunk: number;
  readonly microBatch: number;
}

/** One message to or from a neighbour. */
export interface TransferOp {
  readonly kind: 'send' | 'recv';
  readonly direction: Direction;
  /** Pipeline rank at the other end. */
  readonly peer: number;
  /** Between virtual stages `boundary` and `boundary + 1`. */
  readonly boundary: number;
  /** Chunk of this rank that makes or takes the message. */
  readonly chunk: number;
  readonly microBatch: number;
  /** A gradient that is sent after its sender's last forward. */
  readonly isDrain: boolean;
}

/** Messages that are posted together; all must be complete before the next operation. */
export interface ExchangeOp {
  readonly kind: 'exchange';
  readonly transfers: readonly TransferOp[];
}

/** One entry of a schedule. */
export type ScheduleOp = ComputeOp | TransferOp | ExchangeOp;

/** The operations of every pipeline rank. */
export type Schedule = readonly (readonly ScheduleOp[])[];

/** True for forward and backward. */
export function isCompute(op: ScheduleOp): op is ComputeOp {
  return op.kind === 'forward' || op.kind === 'backward';
}

/** The messages of an operation; none for compute. */
export function transfersOf(op: ScheduleOp): readonly TransferOp[] {
  if (op.kind === 'exchange') return op.transfers;
  return op.kind === 'send' || op.kind === 'recv' ? [op] : [];
}

/** Name of a message, equal at both ends. */
export function messageId({ direction, boundary, microBatch }: TransferOp): string {
  return `${direction} ${boundary}.${microBatch}`;
}

/**
 * Compute order in short: `F0.1` is the forward of chunk 0, micro-batch 1.
 *
 * @example
 * formatOps(buildSchedule('1f1b', 2, 2)[1]); // => "F0.0 B0.0 F0.1 B0.1"
 */
export function formatOps(ops: readonly ScheduleOp[]): string {
  return ops
    .filter(isCompute)
    .map(({ kind, chunk, microBatch }) => `${kind === 'forward' ? 'F' : 'B'}${chunk}.${microBatch}`)
    .join(' ');
}
