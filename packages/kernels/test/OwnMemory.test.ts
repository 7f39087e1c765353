import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OwnMemory } from '../src/OwnMemory.js';

describe('OwnMemory', () => {
  it('hands out aligned blocks that never overlap and keep their contents while it grows', () => {
    const step = fc.record({ bytes: fc.oneof(fc.nat(300), fc.nat(200_000)), frees: fc.nat(3) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        const own = new OwnMemory();
        const live: { offset: number; bytes: number; mark: number }[] = [];
        steps.forEach(({ bytes, frees }, mark) => {
          const offset = own.alloc(bytes);
          expect(offset % 64).toBe(0);
          expect(offset).toBeGreaterThan(0);
          new Uint8Array(own.memory.buffer, offset, bytes).fill(mark + 1);
          live.push({ offset, bytes, mark: mark + 1 });
          for (let i = 0; i < frees && live.length > 0; i++)
            own.free(live.splice((mark * 7 + i) % live.length, 1)[0]!.offset);
          for (const block of live) {
            const view = new Uint8Array(own.memory.buffer, block.offset, block.bytes);
            expect(view.every((byte) => byte === block.mark)).toBe(true);
          }
        });
        for (const { offset } of live) own.free(offset);
        expect(own.usedBytes).toBe(0);
        // Everything is one range again: what exists satisfies a request for all of it.
        const total = own.memory.buffer.byteLength;
        own.alloc(total - 64);
        expect(own.memory.buffer.byteLength).toBe(total);
      }),
      { numRuns: 40 },
    );
  });

  it('says how much it holds when the system gives no more', () => {
    const own = new OwnMemory();
    own.alloc(1000);
    expect(() => own.alloc(2 ** 33)).toThrow(
      /8589934592 bytes of scratch memory must fit beside the 1024 bytes in use/,
    );
    expect(own.alloc(64)).toBeGreaterThan(0);
  });
});
