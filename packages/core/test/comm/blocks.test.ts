import { evenCounts, offsetsOf } from '@strata-ml/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { broadcastTree } from '../../src/comm/threads/broadcastTree.js';

describe('evenCounts', () => {
  it('divides into parts that differ by at most one, longer ones first', () => {
    const property = fc.property(fc.nat(1e6), fc.integer({ min: 1, max: 100 }), (n, parts) => {
      const counts = evenCounts(n, parts);
      expect(counts.length).toBe(parts);
      expect(offsetsOf(counts)[parts]).toBe(n);
      expect(counts[0]! - counts[parts - 1]!).toBeLessThanOrEqual(1);
      expect(counts).toEqual([...counts].sort((a, b) => b - a));
    });
    fc.assert(property);
  });
});

describe('broadcastTree', () => {
  it('crosses to each other server once and reaches everyone once', () => {
    const serverOf = [0, 0, 0, 1, 2, 2];
    expect(broadcastTree([0, 1, 2, 3, 4, 5], 1, serverOf)).toEqual({
      fromRoot: [0, 2, 3, 4],
      relays: [{ leader: 4, to: [5] }],
    });
    expect(broadcastTree([5, 0], 0, serverOf)).toEqual({ fromRoot: [0], relays: [] });
  });
});
