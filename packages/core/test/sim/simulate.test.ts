/** The simulator against closed forms, and against a simulation in small steps that shares no code. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OptionError } from '../../src/errors.js';
import { type SimModel, type SimTask, simulate, simulatedRecordings } from '../../src/sim/simulate.js';
import { toChromeTrace } from '../../src/trace/chrome.js';

const end = (model: SimModel) => Object.fromEntries(simulate(model).spans.map((s) => [s.id, s.endS]));

describe('simulate', () => {
  it('sends messages over a link one after the other, latency overlapped: Σ bytes / rate + latency', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 1e6 }), { minLength: 1, maxLength: 30 }), (sizes) => {
        const { makespanS, spans, busyS } = simulate({
          resources: [{ id: 'link', rate: 1e6, latencyS: 0.25 }],
          tasks: sizes.map((amount, i) => ({ id: `m${i}`, resource: 'link', amount })),
        });
        const total = sizes.reduce((sum, b) => sum + b, 0) / 1e6;
        expect(makespanS).toBeCloseTo(total + 0.25, 9);
        expect(busyS.link).toBeCloseTo(total, 9);
        for (const [i, s] of spans.entries()) {
          const before = sizes.slice(0, i).reduce((sum, b) => sum + b, 0) / 1e6;
          expect(s.beginS).toBeCloseTo(before, 9);
          expect(s.readyS).toBe(0);
        }
      }),
    );
  });

  it.each([
    [4, 8, 1, 2],
    [1, 5, 1, 1],
    [8, 1, 0.5, 1],
    [6, 24, 0.7, 1.4],
  ])('pipelines %i stages and %i micro-batches in (m + p − 1)·(f + b), GPipe and 1F1B alike', (p, m, f, b) => {
    const tasks = (isOneFOneB: boolean): SimTask[] => {
      const list: SimTask[] = [];
      for (let s = 0; s < p; s++) {
        const warmup = isOneFOneB ? Math.min(m, p - s) : m;
        const order: ['f' | 'b', number][] = [];
        for (let i = 0; i < warmup; i++) order.push(['f', i]);
        for (let i = 0; i < m; i++) {
          order.push(['b', isOneFOneB ? i : m - 1 - i]);
          if (isOneFOneB && warmup + i < m) order.push(['f', warmup + i]);
        }
        for (const [k, [kind, i]] of order.entries()) {
          const previous = order[k - 1];
          const after = previous ? [`${previous[0]}${s}.${previous[1]}`] : [];
          if (kind === 'f' && s > 0) after.push(`f${s - 1}.${i}`);
          if (kind === 'b') after.push(s < p - 1 ? `b${s + 1}.${i}` : `f${s}.${i}`);
          list.push({
            id: `${kind}${s}.${i}`,
            resource: `d${s}`,
            amount: kind === 'f' ? f : b,
            after: [...new Set(after)],
            rank: s,
          });
        }
      }
      return list;
    };
    const resources = Array.from({ length: p }, (_, s) => ({ id: `d${s}`, rate: 1 }));
    for (const isOneFOneB of [false, true]) {
      expect(simulate({ resources, tasks: tasks(isOneFOneB) }).makespanS).toBeCloseTo((m + p - 1) * (f + b), 9);
    }
  });

  it('takes 2(P − 1)(α + n / (P·β)) for a ring all-reduce', () => {
    for (const ranks of [2, 3, 4, 8]) {
      const [bytes, rate, latencyS] = [1e6, 1e8, 1e-4];
      const tasks: SimTask[] = [];
      for (let step = 0; step < 2 * (ranks - 1); step++) {
        for (let r = 0; r < ranks; r++) {
          const after = step === 0 ? [] : [`${step - 1}.${(r + ranks - 1) % ranks}`];
          tasks.push({ id: `${step}.${r}`, resource: `link${r}`, amount: bytes / ranks, after });
        }
      }
      const resources = Array.from({ length: ranks }, (_, r) => ({ id: `link${r}`, rate, latencyS }));
      const expected = 2 * (ranks - 1) * (latencyS + bytes / (ranks * rate));
      expect(simulate({ resources, tasks }).makespanS).toBeCloseTo(expected, 12);
    }
  });

  it('shares a processor equally: jobs of 1, 2 and 3 units end at 3, 5 and 6', () => {
    const resources = [{ id: 'cpu', rate: 1, discipline: 'shared' as const }];
    const tasks = [3, 1, 2].map((amount) => ({ id: `j${amount}`, resource: 'cpu', amount }));
    expect(end({ resources, tasks })).toEqual({ j1: 3, j2: 5, j3: 6 });
    // A job that comes at 2 halves the rate of one that has 1 unit left: 4 and 5.
    const late: SimTask[] = [
      { id: 'a', resource: 'cpu', amount: 3 },
      { id: 'wait', amount: 2 },
      { id: 'b', resource: 'cpu', amount: 2, after: ['wait'] },
    ];
    expect(end({ resources, tasks: late })).toEqual({ a: 4, wait: 2, b: 5 });
  });

  it('agrees with a simulation in small steps on shared resources', () => {
    const job = fc.record({ arriveS: fc.integer({ min: 0, max: 20 }), amount: fc.integer({ min: 1, max: 10 }) });
    fc.assert(
      fc.property(fc.array(job, { minLength: 1, maxLength: 8 }), (jobs) => {
        const tasks = jobs.flatMap(({ arriveS, amount }, i): SimTask[] => [
          { id: `t${i}`, amount: arriveS },
          { id: `j${i}`, resource: 'cpu', amount, after: [`t${i}`] },
        ]);
        const ends = end({ resources: [{ id: 'cpu', rate: 2, discipline: 'shared' }], tasks });
        const step = 1 / 1024;
        const left = jobs.map((j) => j.amount);
        const expected = new Array<number>(jobs.length).fill(0);
        for (let t = 0; left.some((v) => v > 0); t += step) {
          const here = left.map((v, i) => v > 0 && jobs[i]!.arriveS <= t);
          const count = here.filter(Boolean).length;
          for (const [i, isHere] of here.entries()) {
            if (!isHere) continue;
            left[i]! -= (2 * step) / count;
            if (left[i]! <= 1e-9) {
              left[i] = 0;
              expected[i] = t + step;
            }
          }
        }
        for (const [i, e] of expected.entries())
          expect(Math.abs(ends[`j${i}`]! - e)).toBeLessThan(jobs.length * 2 * step);
      }),
      { numRuns: 50 },
    );
  });

  it('prefers priority, then arrival, and never interrupts', () => {
    const { spans } = simulate({
      resources: [{ id: 'r', rate: 1 }],
      tasks: [
        { id: 'first', resource: 'r', amount: 2 },
        { id: 'low', resource: 'r', amount: 1 },
        { id: 'also low', resource: 'r', amount: 1 },
        { id: 'high', resource: 'r', amount: 1, priority: 5 },
        { id: 'join', amount: 0, after: ['low', 'high'] },
      ],
    });
    expect(spans.map((s) => [s.id, s.beginS, s.endS])).toEqual([
      ['first', 0, 2],
      ['low', 3, 4],
      ['also low', 4, 5],
      ['high', 2, 3],
      ['join', 4, 4],
    ]);
  });

  it('keeps order and conserves work on any graph, the same every time', () => {
    const graph = fc.array(
      fc.record({
        amount: fc.nat({ max: 9 }),
        resource: fc.nat({ max: 2 }),
        after: fc.array(fc.nat(), { maxLength: 3 }),
      }),
      { maxLength: 25 },
    );
    fc.assert(
      fc.property(graph, fc.constantFrom('fifo' as const, 'shared' as const), (nodes, discipline) => {
        const resources = [1, 2, 3].map((rate, i) => ({ id: `r${i}`, rate, discipline, latencyS: i }));
        const tasks = nodes.map(
          ({ amount, resource, after }, i): SimTask => ({
            id: `t${i}`,
            amount,
            resource: `r${resource}`,
            after: i === 0 ? [] : [...new Set(after.map((a) => `t${a % i}`))],
          }),
        );
        const result = simulate({ resources, tasks });
        expect(simulate({ resources, tasks })).toEqual(result);
        const byId = new Map(result.spans.map((s) => [s.id, s]));
        for (const [i, t] of tasks.entries()) {
          const s = result.spans[i]!;
          const depends = Math.max(0, ...(t.after ?? []).map((a) => byId.get(a)!.endS));
          expect(s.readyS).toBe(depends);
          expect(s.beginS).toBeGreaterThanOrEqual(s.readyS);
          const r = resources[nodes[i]!.resource]!;
          expect(s.endS - s.beginS).toBeGreaterThanOrEqual(t.amount / r.rate + r.latencyS - 1e-9);
        }
        for (const [k, r] of resources.entries()) {
          const work = nodes.reduce((sum, node) => sum + (node.resource === k ? node.amount : 0), 0);
          expect(result.busyS[r.id]).toBeCloseTo(work / r.rate, 9);
        }
      }),
    );
  });

  it('shows its tasks in the same trace format, labelled simulated', () => {
    const model: SimModel = {
      resources: [{ id: 'd', rate: 1 }],
      tasks: [
        { id: 'a', resource: 'd', amount: 0.001, rank: 1, category: 'compute' },
        { id: 'b', resource: 'd', amount: 0.002, rank: 3, category: 'comm', bytes: 8 },
      ],
    };
    const trace = toChromeTrace(
      simulatedRecordings(model, simulate(model), (rank) => rank >> 1),
      { kind: 'simulated' },
    );
    expect(trace.otherData.kind).toBe('simulated');
    expect(trace.traceEvents.filter((e) => e.ph === 'X')).toEqual([
      { name: 'a', ph: 'X', pid: 0, tid: 1, cat: 'compute', ts: 0, dur: 1000 },
      { name: 'b', ph: 'X', pid: 1, tid: 3, cat: 'comm', ts: 1000, dur: 2000, args: { bytes: 8 } },
    ]);
  });

  it.each<[string, SimModel, RegExp]>([
    [
      'a circle',
      {
        resources: [],
        tasks: [
          { id: 'a', amount: 0, after: ['b'] },
          { id: 'b', amount: 0, after: ['a'] },
        ],
      },
      /circles/,
    ],
    ['an unknown task', { resources: [], tasks: [{ id: 'a', amount: 0, after: ['x'] }] }, /after of a/],
    ['an unknown resource', { resources: [], tasks: [{ id: 'a', amount: 0, resource: 'x' }] }, /resource of a/],
    [
      'a doubled id',
      {
        resources: [],
        tasks: [
          { id: 'a', amount: 0 },
          { id: 'a', amount: 0 },
        ],
      },
      /unique/,
    ],
    ['a negative amount', { resources: [], tasks: [{ id: 'a', amount: -1 }] }, /amount of a/],
    ['a rate of 0', { resources: [{ id: 'r', rate: 0 }], tasks: [] }, /rate of r/],
  ])('refuses %s', (_, model, message) => {
    expect(() => simulate(model)).toThrow(OptionError);
    expect(() => simulate(model)).toThrow(message);
  });
});
