/** Replays a schedule on the discrete-event simulator of core: what a step would take. A prediction, not a measurement. */
import { OptionError, type SimSpan, type SimTask, simulate } from '@strata-ml/core';
import { isCompute, messageId, type Schedule, type TransferOp, transfersOf } from './ops.js';

/** Seconds of one micro-batch through one chunk, for all ranks, or by rank, or by rank and chunk. */
export type StageSeconds = number | readonly number[] | readonly (readonly number[])[];

/** What {@link simulateSchedule} takes. */
export interface ScheduleTiming {
  readonly forwardS: StageSeconds;
  readonly backwardS: StageSeconds;
  /** Seconds of one message; a function gets the sender's side of it. @defaultValue `0` */
  readonly messageS?: number | ((transfer: TransferOp, from: number) => number);
  /** Messages that may wait on one directed link before its sender does. @defaultValue `4` */
  readonly queue?: number;
  /** Single sends wait for their receive, as in `batchedSync`. @defaultValue `false` */
  readonly rendezvous?: boolean;
}

/** One bar of the picture. */
export interface TimelineSpan {
  /** Pipeline rank; the sender of a message. */
  readonly rank: number;
  readonly kind: 'forward' | 'backward' | 'message';
  readonly chunk: number;
  readonly microBatch: number;
  readonly beginS: number;
  readonly endS: number;
}

/** A simulated step. */
export interface Timeline {
  readonly kind: 'simulated';
  readonly makespanS: number;
  readonly spans: readonly TimelineSpan[];
  /** Seconds in which each rank computes. */
  readonly busyS: readonly number[];
  /** When each rank's last compute ends. */
  readonly endS: readonly number[];
  /** Mean share of the step in which a rank does not compute. */
  readonly bubble: number;
}

/**
 * Simulates one step. With uniform stages and no message time it takes (M + p − 1)(F + B) for `gpipe` and `1f1b`.
 *
 * `async`: a message occupies its directed link from the end of the compute that made it; receivers wait when they need
 * it. `rendezvous`: a message starts when both ends have posted it, and both wait for all they posted together.
 *
 * @throws {@link OptionError} if a time is negative or the schedule waits in a circle.
 * @example
 * simulateSchedule(buildSchedule('1f1b', 4, 8), { forwardS: 1, backwardS: 2 }).makespanS; // => 33
 */
export function simulateSchedule(schedule: Schedule, timing: ScheduleTiming): Timeline {
  const { forwardS, backwardS, messageS = 0, queue = 4, rendezvous = false } = timing;
  const bars: (Omit<TimelineSpan, 'beginS' | 'endS'> & { readonly id: string })[] = [];
  const computes: SimTask[] = [];
  const messages = new Map<string, { amount: number; link: string; after: string[] }>();
  for (const [rank, ops] of schedule.entries()) {
    /** What the next operation waits for. */
    let after: string[] = [];
    const sentOn = new Map<string, string[]>();
    for (const op of ops) {
      if (isCompute(op)) {
        const id = `${rank}: ${op.kind} ${op.chunk}.${op.microBatch}`;
        const amount = secondsAt(op.kind === 'forward' ? forwardS : backwardS, rank, op.chunk);
        computes.push({ id, resource: `rank ${rank}`, amount, after, rank, category: 'compute' });
        bars.push({ id, rank, kind: op.kind, chunk: op.chunk, microBatch: op.microBatch });
        after = [id];
        continue;
      }
      const transfers = transfersOf(op);
      const waits: string[] = [];
      for (const t of transfers) {
        const id = messageId(t);
        const message = messages.get(id) ?? { amount: 0, link: '', after: [] };
        messages.set(id, message);
        if (t.kind === 'recv') {
          waits.push(id);
          if (rendezvous) message.after.push(...after);
          continue;
        }
        message.amount = typeof messageS === 'number' ? messageS : messageS(t, rank);
        message.link = `link ${rank} → ${t.peer}`;
        message.after.push(...after);
        bars.push({ id, rank, kind: 'message', chunk: t.chunk, microBatch: t.microBatch });
        if (rendezvous) {
          waits.push(id);
          continue;
        }
        const earlier = sentOn.get(message.link) ?? [];
        earlier.push(id);
        sentOn.set(message.link, earlier);
        if (earlier.length > queue) waits.push(earlier[earlier.length - 1 - queue]!);
      }
      after = [...(rendezvous ? [] : after), ...waits];
    }
  }
  return timeline(schedule.length, computes, messages, bars);
}

function timeline(
  ranks: number,
  computes: readonly SimTask[],
  messages: ReadonlyMap<string, { amount: number; link: string; after: string[] }>,
  bars: readonly (Omit<TimelineSpan, 'beginS' | 'endS'> & { readonly id: string })[],
): Timeline {
  const links = new Set([...messages.values()].map(({ link }) => link));
  const { makespanS, spans, busyS } = simulate({
    resources: [
      ...Array.from({ length: ranks }, (_, rank) => ({ id: `rank ${rank}`, rate: 1 })),
      ...[...links].map((id) => ({ id, rate: 1 })),
    ],
    tasks: [
      ...computes,
      ...[...messages].map(([id, { amount, link, after }]): SimTask => {
        return { id, resource: link, amount, after, category: 'comm' };
      }),
    ],
  });
  const times = new Map<string, SimSpan>(spans.map((span) => [span.id, span]));
  const drawn = bars.map(({ id, ...bar }): TimelineSpan => {
    const { beginS, endS } = times.get(id)!;
    return { ...bar, beginS, endS };
  });
  const busy = Array.from({ length: ranks }, (_, rank) => busyS[`rank ${rank}`] ?? 0);
  const ends = busy.map((_, rank) =>
    Math.max(0, ...drawn.filter((s) => s.rank === rank && s.kind !== 'message').map(({ endS }) => endS)),
  );
  const idle = busy.reduce((sum, b) => sum + makespanS - b, 0);
  return {
    kind: 'simulated',
    makespanS,
    spans: drawn,
    busyS: busy,
    endS: ends,
    bubble: makespanS > 0 ? idle / (ranks * makespanS) : 0,
  };
}

function secondsAt(seconds: StageSeconds, rank: number, chunk: number): number {
  const ofRank = typeof seconds === 'number' ? seconds : seconds[rank];
  const value = typeof ofRank === 'object' ? ofRank[chunk] : ofRank;
  if (value === undefined || !(value >= 0)) {
    throw new OptionError('simulateSchedule', `seconds of rank ${rank}, chunk ${chunk}`, value, 'a number ≥ 0');
  }
  return value;
}
