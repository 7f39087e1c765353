/** Proves that a schedule can run: before any rank starts, and in tests of new schedules. */
import { StrataError } from '@strata-ml/core';
import { isCompute, messageId, type Schedule, type ScheduleOp, type TransferOp, transfersOf } from './ops.js';

/** What {@link validateSchedule} found. */
export interface ScheduleFacts {
  /** Most micro-batches (of chunks) that were forwarded and not yet backwarded, per rank. */
  readonly peakInFlight: readonly number[];
  /** Messages in all. */
  readonly messages: number;
}

/** Options of {@link validateSchedule}. */
export interface ValidateOptions {
  /** Messages that may wait on one directed link; single sends block when it is full. @defaultValue `4` */
  readonly queue?: number;
  /** Sends wait for their receive, as in `batchedSync`. @defaultValue `false` */
  readonly rendezvous?: boolean;
  /** Most that each rank may hold in flight. @defaultValue no limit */
  readonly maxInFlight?: readonly number[];
}

/** A schedule that cannot run. */
export class ScheduleError extends StrataError {
  constructor(problem: string, details: Readonly<Record<string, unknown>> = {}) {
    super('ERR_STRATA_SCHEDULE', `validateSchedule: ${problem}`, details);
  }
}

/**
 * Checks that every forward and backward happens once and in order, that every send has its receive, that streams are
 * received in the order sent, that ranks never wait in a circle, and that no rank holds more than it may.
 *
 * @throws {@link ScheduleError} that names the first operation that is wrong.
 */
export function validateSchedule(
  schedule: Schedule,
  { queue = 4, rendezvous = false, maxInFlight }: ValidateOptions = {},
): ScheduleFacts {
  const peakInFlight = schedule.map((ops, rank) => checkRank(ops, rank));
  const messages = checkStreams(schedule);
  for (const [rank, peak] of peakInFlight.entries()) {
    const limit = maxInFlight?.[rank] ?? Number.POSITIVE_INFINITY;
    if (peak > limit) {
      throw new ScheduleError(`rank ${rank} must hold at most ${limit} micro-batches, got ${peak}`, { rank, peak });
    }
  }
  play(schedule, rendezvous ? 0 : queue);
  return { peakInFlight, messages };
}

/** Order within a rank; returns its peak in flight. */
function checkRank(ops: readonly ScheduleOp[], rank: number): number {
  const done = new Set<string>();
  const received = new Set<string>();
  let inFlight = 0;
  let peak = 0;
  for (const op of ops) {
    if (isCompute(op)) {
      const name = `${op.kind} ${op.chunk}.${op.microBatch}`;
      if (done.has(name)) throw new ScheduleError(`rank ${rank} must do ${name} once, got it twice`, { rank });
      if (op.kind === 'backward' && !done.has(`forward ${op.chunk}.${op.microBatch}`)) {
        throw new ScheduleError(`rank ${rank} must do the forward before ${name}, got it first`, { rank });
      }
      done.add(name);
      inFlight += op.kind === 'forward' ? 1 : -1;
      peak = Math.max(peak, inFlight);
    }
    for (const transfer of transfersOf(op)) {
      const name = `${transfer.direction} ${transfer.chunk}.${transfer.microBatch}`;
      const isLate = transfer.kind === 'recv' && done.has(name);
      const isEarly = transfer.kind === 'send' && !done.has(name);
      if (isLate || isEarly) {
        throw new ScheduleError(`rank ${rank} must ${isEarly ? 'do' : 'receive for'} ${name} first`, { rank });
      }
      if (transfer.kind === 'recv') received.add(name);
    }
  }
  return peak;
}

/** Each directed stream's sends against its receives; returns the number of messages. */
function checkStreams(schedule: Schedule): number {
  const streams = { send: new Map<string, string[]>(), recv: new Map<string, string[]>() };
  for (const [rank, ops] of schedule.entries()) {
    for (const t of ops.flatMap(transfersOf)) {
      const [from, to] = t.kind === 'send' ? [rank, t.peer] : [t.peer, rank];
      const key = `${from} → ${to}, ${t.direction} across boundary ${t.boundary}`;
      const list = streams[t.kind].get(key) ?? [];
      list.push(messageId(t));
      streams[t.kind].set(key, list);
    }
  }
  let messages = 0;
  for (const key of new Set([...streams.send.keys(), ...streams.recv.keys()])) {
    const sent = streams.send.get(key) ?? [];
    const received = streams.recv.get(key) ?? [];
    messages += sent.length;
    const length = Math.max(sent.length, received.length);
    for (let i = 0; i < length; i++) {
      if (sent[i] !== received[i]) {
        throw new ScheduleError(
          `${key}: message ${i} must be the same at both ends, got ${sent[i]} and ${received[i]}`,
        );
      }
    }
  }
  return messages;
}

/** Runs the lists without time; `queue` 0 means that a send waits for its receive. */
function play(schedule: Schedule, queue: number): void {
  const at = schedule.map(() => 0);
  const posted = new Set<string>();
  const sent = new Set<string>();
  const waiting = new Map<string, number>();
  const link = (rank: number, t: TransferOp) => (t.kind === 'send' ? `${rank} ${t.peer}` : `${t.peer} ${rank}`);
  const isComplete = (rank: number, t: TransferOp): boolean => {
    if (t.kind === 'recv') return sent.has(messageId(t));
    return queue === 0 ? posted.has(`recv ${messageId(t)}`) : (waiting.get(link(rank, t)) ?? 0) <= queue;
  };
  const post = (rank: number, t: TransferOp): void => {
    const id = messageId(t);
    if (posted.has(`${t.kind} ${id}`)) return;
    posted.add(`${t.kind} ${id}`);
    if (t.kind !== 'send') return;
    sent.add(id);
    waiting.set(link(rank, t), (waiting.get(link(rank, t)) ?? 0) + 1);
  };
  let isMoving = true;
  while (isMoving) {
    isMoving = false;
    for (const [rank, ops] of schedule.entries()) {
      for (let op = ops[at[rank]!]; op; op = ops[at[rank]!]) {
        const transfers = transfersOf(op);
        for (const t of transfers) post(rank, t);
        if (!transfers.every((t) => isComplete(rank, t))) break;
        for (const t of transfers) {
          if (t.kind === 'recv') waiting.set(link(rank, t), waiting.get(link(rank, t))! - 1);
        }
        at[rank]!++;
        isMoving = true;
      }
    }
  }
  const stuck = schedule.findIndex((ops, rank) => at[rank]! < ops.length);
  if (stuck >= 0) {
    const [first] = transfersOf(schedule[stuck]![at[stuck]!]!);
    throw new ScheduleError(
      `ranks must not wait in a circle, got rank ${stuck} waiting to ${first?.kind} ${first ? messageId(first) : ''}`,
      { rank: stuck },
    );
  }
}
