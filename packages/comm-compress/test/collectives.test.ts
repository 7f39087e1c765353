import { launch, OptionError, type ProcessGroup, parseCluster, Rng } from '@strata-ml/core';
import { expectClose } from '@strata-ml/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import * as c from '../src/index.js';

interface Step {
  readonly stats: c.CompressionStats;
  readonly bytes: number;
  readonly means: readonly Float32Array[];
  readonly bias: Float32Array;
  readonly old: readonly (Float32Array | undefined)[];
  readonly errors: readonly (Float32Array | undefined)[];
}
interface Result {
  readonly rank: number;
  readonly cases: Readonly<
    Record<
      string,
      {
        readonly steps: readonly Step[];
        readonly payload: readonly number[] | null;
        readonly state?: Readonly<Record<string, Float32Array>>;
      }
    >
  >;
  readonly adam: { readonly x: Float32Array; readonly losses: readonly number[]; readonly bytes: number };
  readonly sub: Float32Array;
  readonly powered: Float32Array;
  readonly single: c.CompressionStats;
}

const P = 4;
const SHAPES = [
  [40, 52],
  [33, 100],
] as const;
const sizes = SHAPES.map(([n, m]) => n * m);
const rng = new Rng(9);
const gradient = (rank: number, n: number, step = 0) =>
  Float32Array.from({ length: n }, (_, i) => rng.normalAt(i, 1000 + step) + 0.5 * rng.normalAt(i, 10 * rank + step));
const mean = (of: (rank: number) => ArrayLike<number>, n: number, ranks = [0, 1, 2, 3]) => {
  const all = ranks.map(of);
  return Float64Array.from({ length: n }, (_, i) => all.reduce((s, x) => s + x[i]!, 0) / ranks.length);
};

let results: readonly Result[];
beforeAll(async () => {
  const entry = new URL('./entries/collectives.mjs', import.meta.url);
  ({ results } = await launch<object, Result>(parseCluster('1x4'), entry, {}, { engine: 'cpu' }));
});

const linear = ['fp32', 'fp16', 'bf16', 'randomK', 'powerSGD', 'powerSGD in fp16'];
const gathered = [
  'int8',
  'qsgd',
  'ternGrad',
  'efSign',
  'oneBitSGD',
  'topK',
  'topK with momentum',
  'randomK gathered',
  'powerSGD gathered',
];

describe('averages over four ranks', () => {
  it('are the same bits on all ranks, and so are the factors', () => {
    for (const [name, { steps, state }] of Object.entries(results[0]!.cases)) {
      for (const other of results.slice(1)) {
        steps.forEach((step, s) => {
          const there = other.cases[name]!.steps[s]!;
          expect(there.means, name).toEqual(step.means);
          expect(there.bias).toEqual(step.bias);
        });
        if (!name.endsWith('gathered')) expect(other.cases[name]!.state).toEqual(state);
      }
    }
  });

  it('vectors are averaged as they are', () => {
    for (const { steps } of Object.values(results[0]!.cases)) {
      expectClose(
        steps[0]!.bias,
        mean((r) => gradient(r, 17, 7), 17),
      );
      expect(steps[0]!.stats.denseBytes).toBe(4 * 17);
      expect(steps[0]!.stats.rawBytes).toBe(4 * (17 + sizes[0]! + sizes[1]!));
    }
  });

  it('bytes on the wire are those of the table', () => {
    const vector = (results: readonly Result[]) => results.length * 2 * (1 - 1 / P) * 4 * 17;
    const wire = (name: string, step = 0) => results.reduce((s, r) => s + r.cases[name]!.steps[step]!.bytes, 0);
    const payload = (name: string) => results[0]!.cases[name]!.payload!.reduce((a, b) => a + b, 0);
    for (const step of [0, 1]) {
      // Of all ranks together: an all-reduce sends 2(P − 1) times the payload, an all-gather (P − 1)·P times.
      for (const name of [...linear, 'signSGD']) {
        expect(wire(name, step), name).toBe(vector(results) + 2 * (P - 1) * payload(name));
      }
      for (const name of gathered) expect(wire(name, step), name).toBe(vector(results) + (P - 1) * P * payload(name));
    }
    // Two phases: every share has its own scales.
    const shares = (n: number) =>
      [0, 1, 2, 3].map((r) => Math.min(8 * Math.ceil(n / 4 / 8), n - r * 8 * Math.ceil(n / 4 / 8)));
    const both = (bytes: (n: number) => number) =>
      2 * (P - 1) * sizes.reduce((s, n) => s + shares(n).reduce((a, k) => a + bytes(k), 0), 0);
    expect(wire('oneBit')).toBe(vector(results) + both((k) => Math.ceil(k / 8) + 4));
    expect(wire('int8 in two phases')).toBe(vector(results) + both((k) => k + 4 * Math.ceil(k / 256)));
    // A threshold keeps another number on each rank, and two of these numbers go to the others first.
    const sent = results.map((r) => r.cases.threshold!.steps[0]!.stats);
    const total = sent.reduce((s, x) => s + (P - 1) * (x.payloadBytes - x.denseBytes), 0);
    expect(wire('threshold')).toBe(vector(results) + total + 2 * P * (P - 1) * 4);
    for (const r of results) {
      const { stats } = r.cases.powerSGD!.steps[1]!;
      expect(stats.payloadBytes).toBe(4 * 17 + 4 * 4 * (40 + 52 + 33 + 100));
    }
  });

  it('mean of what was to be sent = the average + the mean of errors, also for low rank in a group', () => {
    for (const [name, { steps }] of Object.entries(results[0]!.cases)) {
      const hasErrors = steps[1]!.errors[0] !== undefined;
      // In two phases the server side keeps an error too; momentum adds to what is sent.
      if (
        !hasErrors ||
        ['oneBit', 'int8 in two phases', 'topK with momentum', 'bf16', 'powerSGD in fp16'].includes(name)
      )
        continue;
      steps.forEach((step, s) => {
        SHAPES.forEach((_, i) => {
          const n = sizes[i]!;
          const at = (r: number) => results[r]!.cases[name]!.steps[s]!;
          const y = mean((r) => gradient(r, n, 2 * i + s).map((v, j) => v + (at(r).old[i]?.[j] ?? 0)), n);
          const e = mean((r) => at(r).errors[i]!, n);
          expectClose(
            step.means[i]!.map((v, j) => v + e[j]!),
            y,
            { atol: 1e-5, why: `${name}: sums in another order` },
          );
        });
      });
    }
  });

  it('are close to the true mean where the codec is', () => {
    const close = { fp32: 1e-6, fp16: 1e-3, bf16: 8e-3, int8: 0.02, 'int8 in two phases': 0.03, qsgd: 0.08 };
    for (const [name, limit] of Object.entries(close)) {
      const exact = mean((r) => gradient(r, sizes[0]!), sizes[0]!);
      const got = results[0]!.cases[name]!.steps[0]!.means[0]!;
      const error = Math.sqrt(
        got.reduce((s, v, i) => s + (v - exact[i]!) ** 2, 0) / exact.reduce((s, v) => s + v * v, 0),
      );
      expect(error, name).toBeLessThan(limit);
    }
    expectClose(
      results[2]!.powered,
      mean((r) => gradient(r, 64), 64),
      { rtol: 1e-4, atol: 1e-5, why: 'full rank' },
    );
    expect(results[0]!.single.payloadBytes).toBe(4 * 8 * 16);
  });

  it('a vote is the majority, ties count as plus', () => {
    const n = sizes[1]!;
    const votes = results.map((r) => gradient(r.rank, n, 2));
    const expected = Float32Array.from({ length: n }, (_, i) =>
      votes.reduce((s, v) => s + (v[i]! >= 0 ? 1 : -1), 0) >= 0 ? 1 : -1,
    );
    expect(results[3]!.cases.signSGD!.steps[0]!.means[1]).toEqual(expected);
  });

  it('groups that are part of the world work alike', () => {
    for (const { rank, sub } of results) {
      expectClose(
        sub,
        mean((r) => gradient(r, 64), 64, rank % 2 ? [1, 3] : [0, 2]),
      );
    }
  });

  it('1-bit Adam goes on where Adam stopped, with a bit for each element, and leaves unused ones alone', () => {
    const { x, losses, bytes } = results[0]!.adam;
    for (const r of results) expect(r.adam.x).toEqual(x);
    expect(x[5]).toBe(0);
    expect(losses[29]).toBeGreaterThan(1);
    expect(losses.at(-1)).toBeLessThan(0.4 * losses[29]!);
    // 99 elements in shares of 32, 32, 32, 3; rank 0 sends three shares, then its mean to three.
    expect(bytes).toBe(4 + 4 + 4 + 4 + 1 + 4 + 3 * (4 + 4));
  });
});

describe('illegal pairs are refused at construction', () => {
  const group = { size: 1, rank: 0 } as ProcessGroup;
  it.each([
    ['Top-K summed', c.topK(), { aggregation: 'linear' }],
    ['int8 summed', c.int8(), { aggregation: 'linear' }],
    ['Top-K voting', c.topK(), { aggregation: 'vote' }],
    ['a threshold in two phases', c.threshold({ value: 1 }), { aggregation: 'twoPhase' }],
    ['low rank in two phases', c.powerSgd(), { aggregation: 'twoPhase' }],
    ['feedback of a vote', c.signSgd(), { feedback: 'ef' }],
    ['feedback of what is unbiased', c.randomK({ unbiased: true }), { feedback: 'ef' }],
    ['momentum in two phases', c.oneBit(), { feedback: 'momentumEf' }],
  ] as const)('%s', (_, codec, options) => {
    expect(() => new c.GradientCompressor(group, codec, options)).toThrow(OptionError);
  });
  it('says what is legal', () => {
    expect(c.legalAggregations(c.topK())).toEqual(['gather', 'twoPhase']);
    expect(c.legalAggregations(c.powerSgd())).toEqual(['linear', 'gather']);
    expect(c.legalAggregations(c.signSgd())).toEqual(['gather', 'vote']);
  });
});
