/** Oracles: the orders and times of Megatron-LM's schedules, worked out by hand, and the closed forms of each. */
import { Rng } from '@strata-ml/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildForwardSchedule, buildSchedule } from '../src/schedule/buildSchedule.js';
import { formatOps, type Schedule, type ScheduleKind, transfersOf } from '../src/schedule/ops.js';
import { simulateSchedule } from '../src/schedule/simulateSchedule.js';
import { ScheduleError, validateSchedule } from '../src/schedule/validateSchedule.js';

const uniform = { forwardS: 1, backwardS: 2 };

function time(kind: ScheduleKind, p: number, microBatches: number, c: number, rendezvous = false, chunks = 1): number {
  const schedule = buildSchedule(kind, p, microBatches, { chunks, p2p: rendezvous ? 'batchedSync' : 'async' });
  const timing = { forwardS: 1 / chunks, backwardS: 2 / chunks, messageS: c, rendezvous };
  return simulateSchedule(schedule, timing).makespanS;
}

describe('order', () => {
  it('is the golden one of interleaved 1F1B for p=2, v=2, M=4', () => {
    expect(buildSchedule('interleaved', 2, 4, { chunks: 2 }).map(formatOps)).toEqual([
      'F0.0 F0.1 F1.0 F1.1 F0.2 B1.0 F0.3 B1.1 F1.2 B0.0 F1.3 B0.1 B1.2 B1.3 B0.2 B0.3',
      'F0.0 F0.1 F1.0 B1.0 F1.1 B1.1 F0.2 B0.0 F0.3 B0.1 F1.2 B1.2 F1.3 B1.3 B0.2 B0.3',
    ]);
  });

  it('runs backwards of GPipe from the last micro-batch to the first', () => {
    expect(formatOps(buildSchedule('gpipe', 2, 3)[0]!)).toBe('F0.0 F0.1 F0.2 B0.2 B0.1 B0.0');
  });

  it('drains the last min(M, p − k) gradients of each stage of 1F1B', () => {
    const drains = buildSchedule('1f1b', 4, 16).map(
      (ops) => ops.flatMap(transfersOf).filter((t) => t.kind === 'send' && t.isDrain).length,
    );
    // 6 of 48 messages in all, the figure of Optimus-CC for p=4, M=16.
    expect(drains).toEqual([0, 3, 2, 1]);
  });
});

describe('simulated time', () => {
  it.each([
    [4, 8, 0, 33, 33, 33],
    [4, 8, 0.25, 34.5, 37, 37.75],
    [4, 16, 0.25, 58.5, 64, 65.75],
    [4, 32, 0.25, 106.5, 118, 121.75],
    [4, 64, 0.25, 202.5, 226, 233.75],
    [8, 64, 0.25, 216.5, 244, 247.75],
    [4, 32, 1, 111, 157, 172],
    [2, 8, 0.5, 28, 31, 31.5],
  ])('equals the table for p=%i, M=%i, c=%d', (p, m, c, gpipe, oneF, batched) => {
    expect([time('gpipe', p, m, c), time('1f1b', p, m, c), time('1f1b', p, m, c, true)]).toEqual([
      gpipe,
      oneF,
      batched,
    ]);
  });

  it.each([
    [4, 2, 8, 0, 28.5],
    [4, 2, 4, 0, 16.5],
    [4, 4, 16, 0, 50.25],
    [2, 2, 4, 0, 13.5],
    [8, 2, 32, 0, 106.5],
    [4, 2, 8, 0.25, 32],
    [4, 2, 16, 0.25, 56],
    [4, 4, 16, 0.25, 57.75],
  ])('equals the table of interleaved for p=%i, v=%i, M=%i, c=%d', (p, v, m, c, expected) => {
    expect(time('interleaved', p, m, c, false, v)).toBeCloseTo(expected, 9);
  });

  it('follows the closed forms of uniform stages', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 8 }),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 0, max: 2 }),
        (p, n, e) => {
          const m = p * n;
          const c = e / 64;
          const base = 3 * (m + p - 1);
          expect(time('gpipe', p, m, c)).toBeCloseTo(base + 2 * (p - 1) * c, 9);
          expect(time('1f1b', p, m, c)).toBeCloseTo(base + c * ((2 * (p - 1) * m) / p + 2 * (p - 2)), 9);
          const batched = p === 2 ? m + 1 : 2 * m + 2 * p - 5;
          if (m >= p && m > 2) expect(time('1f1b', p, m, c, true)).toBeCloseTo(base + c * batched, 9);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('settles to the period of the slowest run of neighbouring stages', () => {
    const rng = new Rng(5);
    for (let trial = 0; trial < 20; trial++) {
      const draw = (name: string, n: number, scale: number) =>
        Array.from({ length: n }, (_, i) => 0.2 + scale * rng.split(name, trial).uniformAt(i));
      const p = 2 + rng.split('p').intAt(4, trial);
      const [forwardS, backwardS] = [draw('f', p, 1), draw('b', p, 2)];
      const [ahead, back] = [draw('cf', p - 1, 0.5), draw('cb', p - 1, 0.5)];
      let period = 0;
      for (let k = 0; k < p; k++) {
        let sum = 0;
        for (let l = k; l < p; l++) {
          sum += forwardS[l]! + backwardS[l]!;
          period = Math.max(period, sum / (l - k + 1));
          if (l < p - 1) sum += ahead[l]! + back[l]!;
        }
      }
      const at = (m: number) =>
        simulateSchedule(buildSchedule('1f1b', p, m), {
          forwardS,
          backwardS,
          messageS: (t) => (t.direction === 'forward' ? ahead : back)[t.boundary]!,
        }).makespanS;
      // The period is that of p micro-batches, so the difference is taken over a multiple of every p here.
      expect(Math.abs((at(360) - at(240)) / 120 / period - 1)).toBeLessThan(0.002);
    }
  });

  it('leaves (p − 1)/(M + p − 1) of the step idle without message times', () => {
    expect(simulateSchedule(buildSchedule('1f1b', 4, 8), uniform).bubble).toBeCloseTo(3 / 11, 12);
  });
});

describe('validator', () => {
  it('finds M in flight for GPipe, min(M, p − k) for 1F1B, 11, 9, 7, 5 for interleaved (4, 2, 8)', () => {
    expect(validateSchedule(buildSchedule('gpipe', 3, 5)).peakInFlight).toEqual([5, 5, 5]);
    expect(validateSchedule(buildSchedule('1f1b', 4, 8)).peakInFlight).toEqual([4, 3, 2, 1]);
    expect(validateSchedule(buildSchedule('interleaved', 4, 8, { chunks: 2 })).peakInFlight).toEqual([11, 9, 7, 5]);
  });

  it('accepts every schedule that is built', () => {
    fc.assert(
      fc.property(
        fc.constantFrom<ScheduleKind>('gpipe', '1f1b', 'interleaved'),
        fc.integer({ min: 2, max: 6 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 3 }),
        fc.boolean(),
        (kind, p, n, v, isBatched) => {
          const chunks = kind === 'interleaved' ? v : 1;
          const rendezvous = isBatched && kind !== 'interleaved';
          const m = kind === 'interleaved' ? p * n : n;
          const schedule = buildSchedule(kind, p, m, { chunks, p2p: rendezvous ? 'batchedSync' : 'async' });
          expect(validateSchedule(schedule, { rendezvous }).messages).toBe(2 * (p * chunks - 1) * m);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('accepts forwards alone, of any number of micro-batches, with a queue of one', () => {
    for (const [p, v] of [
      [1, 1],
      [2, 2],
      [3, 2],
      [4, 3],
    ] as const) {
      for (let m = 1; m < 20; m++) {
        expect(validateSchedule(buildForwardSchedule(p, m, v), { queue: 1 }).messages).toBe((p * v - 1) * m);
      }
    }
  });

  const broken = (change: (ops: Schedule[number][]) => void): Schedule => {
    const copy = buildSchedule('1f1b', 2, 2).map((ops) => [...ops]);
    change(copy);
    return copy;
  };

  it.each<[string, RegExp, () => Schedule, object]>([
    ['a lost receive', /same at both ends/, () => broken((s) => (s[1] = s[1]!.filter((op) => op.kind !== 'recv'))), {}],
    ['a backward before its forward', /forward before/, () => broken((s) => (s[0] = s[0]!.toReversed())), {}],
    ['too much in flight', /at most 1/, () => buildSchedule('1f1b', 2, 2), { maxInFlight: [1, 1] }],
    [
      'sends that wait for each other',
      /circle/,
      // Singles in place of pairs: each end blocks on its own send.
      () => buildSchedule('1f1b', 2, 4, { p2p: 'async' }),
      { rendezvous: true },
    ],
  ])('refuses %s', (_, message, make, options) => {
    expect(() => validateSchedule(make(), options)).toThrow(ScheduleError);
    expect(() => validateSchedule(make(), options)).toThrow(message);
  });
});
