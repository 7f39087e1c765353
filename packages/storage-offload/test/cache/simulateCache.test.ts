import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AccessTrace, cachePolicies, NextUse, simulateCache } from '../../src/index.js';

/** Traces of sets, as partitions ask for them; `sizes` are the bytes of the blocks. */
const traceOf = (sizes: readonly number[], sets: readonly (readonly number[])[]): AccessTrace => ({
  blockBytes: sizes,
  demands: sets.map((blocks) => ({ blocks: [...new Set(blocks)] })),
});

/** Blocks 0 … 6 of one byte; sets of up to three. */
const equalSizes = fc
  .array(fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 30 })
  .map((sets) => traceOf(new Array(7).fill(1), sets));

/**
 * Fewest misses of any policy, by trying every set of blocks that may be resident after each demand. Shares no code.
 * Resident sets are bit masks; demands fit into the budget.
 */
function fewestMisses({ demands }: AccessTrace, budget: number): number {
  const ones = (mask: number) => [...mask.toString(2)].filter((bit) => bit === '1').length;
  let costs = new Map<number, number>([[0, 0]]);
  for (const { blocks } of demands) {
    const demanded = blocks.reduce((mask, block) => mask | (1 << block), 0);
    const next = new Map<number, number>();
    for (const [resident, cost] of costs) {
      const missed = cost + ones(demanded & ~resident);
      const others = resident & ~demanded;
      // Any subset of what was there may stay beside what is demanded.
      for (let kept = others; ; kept = (kept - 1) & others) {
        const after = kept | demanded;
        if (ones(after) <= budget) next.set(after, Math.min(next.get(after) ?? Number.POSITIVE_INFINITY, missed));
        if (kept === 0) break;
      }
    }
    costs = next;
  }
  return Math.min(...costs.values());
}

describe('simulateCache', () => {
  it('reaches the fewest misses of any policy with belady, for equal sizes', () => {
    fc.assert(
      fc.property(equalSizes, fc.integer({ min: 3, max: 7 }), (trace, budget) => {
        expect(simulateCache(trace, budget, 'belady').misses).toBe(fewestMisses(trace, budget));
      }),
    );
  });

  it('misses no less with any other policy, and between the distinct blocks and all accesses', () => {
    fc.assert(
      fc.property(equalSizes, fc.integer({ min: 0, max: 8 }), (trace, budget) => {
        const best = simulateCache(trace, budget, 'belady');
        const distinct = new Set(trace.demands.flatMap(({ blocks }) => blocks)).size;
        for (const policy of cachePolicies) {
          const { misses, hits, accesses, peakBytes, bytesRead } = simulateCache(trace, budget, policy);
          if (budget >= 3) expect(misses).toBeGreaterThanOrEqual(best.misses);
          expect(misses).toBeGreaterThanOrEqual(distinct);
          expect(hits + misses).toBe(accesses);
          expect(accesses).toBe(trace.demands.reduce((sum, { blocks }) => sum + blocks.length, 0));
          expect(bytesRead).toBe(misses);
          expect(peakBytes).toBeLessThanOrEqual(budget);
          if (budget >= 7) expect(misses).toBe(distinct);
          if (budget === 0) expect(misses).toBe(accesses);
        }
      }),
    );
  });

  it('misses no more with a larger LRU cache, for equal sizes and single blocks', () => {
    const singles = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 60 }).map((blocks) =>
      traceOf(
        new Array(10).fill(1),
        blocks.map((block) => [block]),
      ),
    );
    fc.assert(
      fc.property(singles, (trace) => {
        const misses = Array.from({ length: 11 }, (_, budget) => simulateCache(trace, budget, 'lru').misses);
        for (let budget = 1; budget < misses.length; budget++) {
          expect(misses[budget]).toBeLessThanOrEqual(misses[budget - 1]!);
        }
      }),
    );
  });

  it('protects what is demanded, and lets pass what does not fit', () => {
    const trace = traceOf([4, 4, 4], [[0, 1], [1, 2], [0, 1, 2], [1]]);
    expect(simulateCache(trace, 8, 'lru')).toMatchObject({
      // 0 and 1 are read, 0 goes for 2; all three do not fit: 0 passes through; 1 is still there.
      misses: 4,
      hits: 4,
      evictions: 1,
      streamedDemands: 1,
      bytesRead: 16,
      peakBytes: 8,
    });
  });

  it('keeps with frequency what is asked for most', () => {
    const trace = traceOf(new Array(4).fill(1), [[0], [1], [2], [0], [3], [1], [2], [3], [0]]);
    // 0 is asked for three times: it stays from its first use on.
    expect(simulateCache(trace, 2, 'frequency')).toMatchObject({ hits: 2, misses: 7 });
  });

  it('finds the next use after any position', () => {
    const uses = new NextUse(traceOf([1, 1, 1], [[0], [1], [0, 1], [1]]));
    expect([uses.after(0, -1), uses.after(0, 0), uses.after(0, 2), uses.after(2, 0)]).toEqual([
      0,
      2,
      Number.POSITIVE_INFINITY,
      Number.POSITIVE_INFINITY,
    ]);
    expect(uses.count(1)).toBe(3);
  });

  it('refuses a negative budget and an unknown policy', () => {
    const trace = traceOf([1], [[0]]);
    expect(() => simulateCache(trace, -1, 'lru')).toThrow('budget');
    expect(() => simulateCache(trace, 1, 'fifo' as 'lru')).toThrow('belady, lru, frequency');
  });
});
