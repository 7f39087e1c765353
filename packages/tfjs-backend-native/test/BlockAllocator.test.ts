import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ALIGNMENT_BYTES, BlockAllocator } from '../src/arena/BlockAllocator.js';

const BASE = 65536;
const SIZE = 1 << 20;
const rounded = (bytes: number): number => Math.max(1, Math.ceil(bytes / ALIGNMENT_BYTES)) * ALIGNMENT_BYTES;

/** A request of some bytes, or the index of a live block to free. */
const steps = fc.array(
  fc.oneof(
    fc.record({ take: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: SIZE / 4 })) }),
    fc.record({ free: fc.nat(1000) }),
  ),
  { maxLength: 200 },
);

describe('BlockAllocator', () => {
  it('hands out aligned ranges that never overlap, counts them, and becomes one block again', () => {
    const property = fc.property(steps, (sequence) => {
      const allocator = new BlockAllocator(BASE, SIZE);
      const live: { block: number; begin: number; bytes: number }[] = [];
      for (const step of sequence) {
        if ('take' in step) {
          const largest = allocator.largestFreeBytes();
          const block = allocator.allocate(step.take);
          expect(block >= 0).toBe(rounded(step.take) <= largest);
          if (block < 0) continue;
          const begin = allocator.offsetBytes(block);
          const bytes = rounded(step.take);
          expect(begin % ALIGNMENT_BYTES).toBe(0);
          expect(begin).toBeGreaterThanOrEqual(BASE);
          expect(begin + bytes).toBeLessThanOrEqual(BASE + SIZE);
          for (const other of live)
            expect(begin + bytes <= other.begin || other.begin + other.bytes <= begin).toBe(true);
          live.push({ block, begin, bytes });
        } else if (live.length > 0) {
          const [freed] = live.splice(step.free % live.length, 1);
          allocator.free(freed!.block);
        }
        expect(allocator.usedBytes).toBe(live.reduce((sum, { bytes }) => sum + bytes, 0));
      }
      for (const { block } of live) allocator.free(block);
      expect(allocator.usedBytes).toBe(0);
      expect(allocator.largestFreeBytes()).toBe(SIZE);
    });
    fc.assert(property, { seed: 1, numRuns: 200 });
  });

  it('fills the range to the last byte, refuses one more, and takes back what others keep', () => {
    const allocator = new BlockAllocator(BASE, 10 * ALIGNMENT_BYTES);
    const blocks = Array.from({ length: 10 }, () => allocator.allocate(ALIGNMENT_BYTES));
    expect(blocks).not.toContain(-1);
    expect(allocator.allocate(1)).toBe(-1);
    expect(allocator.largestFreeBytes()).toBe(0);
    allocator.freeAllExcept(new Set([blocks[4]!]));
    expect(allocator.usedBytes).toBe(ALIGNMENT_BYTES);
    expect(allocator.largestFreeBytes()).toBe(5 * ALIGNMENT_BYTES);
    expect(allocator.offsetBytes(blocks[4]!)).toBe(BASE + 4 * ALIGNMENT_BYTES);
  });

  it('finds a block of exactly the size asked when nothing larger is left', () => {
    // 33 units share a class with 32; a search that only looks one class up would miss the block.
    const allocator = new BlockAllocator(BASE, 33 * ALIGNMENT_BYTES);
    expect(allocator.allocate(33 * ALIGNMENT_BYTES)).toBeGreaterThanOrEqual(0);
  });
});
