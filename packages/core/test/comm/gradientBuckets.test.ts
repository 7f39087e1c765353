import {
  GradientBuckets,
  launch,
  OptionError,
  type ProcessGroup,
  parseCluster,
  type TrafficRow,
} from '@strata-ml/core';
import { describe, expect, it } from 'vitest';

/** A group that notes which arrays were reduced. */
function noting(started: number[][]): ProcessGroup {
  const allReduceAsync = (data: Float32Array) => {
    started.push([data.byteOffset / 4, data.byteOffset / 4 + data.length]);
    return { wait: () => {}, done: Promise.resolve() };
  };
  return { allReduceAsync } as unknown as ProcessGroup;
}

describe('GradientBuckets', () => {
  it('starts a bucket as soon as it and those behind it are ready, last first', () => {
    const started: number[][] = [];
    const buckets = new GradientBuckets(noting(started), new Float32Array(10), { bucketBytes: 16 });
    expect(buckets.count).toBe(3);
    buckets.ready(0, 7);
    expect(started).toEqual([]);
    buckets.ready(7, 9);
    expect(started).toEqual([]);
    buckets.ready(9, 10);
    expect(started).toEqual([
      [6, 10],
      [2, 6],
      [0, 2],
    ]);
    buckets.flush();
    buckets.ready(4, 10);
    expect(started.slice(3)).toEqual([[6, 10]]);
    buckets.flush();
    expect(started.slice(3)).toEqual([
      [6, 10],
      [2, 6],
      [0, 2],
    ]);
  });

  it('refuses ranges outside or reported twice, and empty buckets', () => {
    const buckets = new GradientBuckets(noting([]), new Float32Array(10));
    expect(() => buckets.ready(0, 11)).toThrow(OptionError);
    buckets.ready(5, 10);
    expect(() => buckets.ready(0, 6)).toThrow('once');
    expect(() => new GradientBuckets(noting([]), new Float32Array(1), { bucketBytes: 3 })).toThrow(OptionError);
    new GradientBuckets(noting([]), new Float32Array(0)).flush();
  });

  it.each(['flat', 'hierarchical'] as const)('reduces every element once per step, %s', async (algorithm) => {
    type Result = { sums: number[][]; traffic: TrafficRow[]; count: number };
    const n = 1000;
    const payload = { name: 'buckets', n, bucketBytes: 1024, algorithm };
    const entry = new URL('../entries/comm.mjs', import.meta.url);
    const { results } = await launch<unknown, Result>(parseCluster('2x2'), entry, payload, { engine: 'none' });
    const expected = [0, 1, 2].map((step) => Array.from({ length: n }, (_, i) => (i % 7) * 10 + 4 * step));
    for (const { sums, count } of results) {
      expect(sums).toEqual(expected);
      expect(count).toBe(4);
    }
    const bytes = (c: string) =>
      results
        .flatMap((r) => r.traffic)
        .reduce((s, r) => s + (r.class === c && r.phase === 'gradient' ? r.bytes : 0), 0);
    // Flat: 2 (P − 1) n over all ranks, 8 of 12 pairs cross servers. Hierarchical: 2 (S − 1) n between servers.
    expect(bytes('inter')).toBe(3 * 4 * n * (algorithm === 'flat' ? (6 * 8) / 12 : 2));
    expect(bytes('intra')).toBe(3 * 4 * n * (algorithm === 'flat' ? (6 * 4) / 12 : 4));
  });
});
