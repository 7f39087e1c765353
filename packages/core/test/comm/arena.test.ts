import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Arena } from '../../src/comm/threads/Arena.js';

describe('Arena', () => {
  it('gives aligned ranges that never overlap, and everything back', () => {
    const step = fc.oneof(
      fc.nat(1000),
      fc.nat(1000),
      fc.constant(-1),
      fc.nat(9).map((n) => -2 - n),
    );
    const property = fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const arena = new Arena(4096, 8192);
      const held: { at: number; bytes: number }[] = [];
      for (const s of steps) {
        if (s < 0) {
          const [block] = held.splice(-s % Math.max(1, held.length), 1);
          if (block) arena.free(block.at);
          continue;
        }
        const at = arena.take(s);
        if (at === 0) continue;
        expect(at % 64).toBe(0);
        expect(at >= 4096 && at + s <= 4096 + 8192).toBe(true);
        for (const h of held) expect(at + s <= h.at || h.at + h.bytes <= at).toBe(true);
        held.push({ at, bytes: Math.max(1, s) });
      }
      for (const { at } of held) arena.free(at);
      expect(arena.take(8192)).toBe(4096);
    });
    fc.assert(property);
  });

  it('refuses what does not fit and reports the most that was in use', () => {
    const arena = new Arena(64, 256);
    const a = arena.take(100);
    expect([a, arena.take(200), arena.take(128)]).toEqual([64, 0, 192]);
    arena.free(a);
    arena.free(12345);
    expect([arena.take(1), arena.peakBytes]).toEqual([64, 256]);
  });
});
