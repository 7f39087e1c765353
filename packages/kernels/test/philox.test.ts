import fc from 'fast-check';
import { expect, it } from 'vitest';
import { philox4x32 } from '../src/philox.js';
import { describeEachVariant } from './support/variants.js';

// Random123, tests/kat_vectors, philox4x32 10.
const KNOWN = [
  { counter: [0, 0, 0, 0], key: [0, 0], words: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8] },
  {
    counter: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    key: [0xffffffff, 0xffffffff],
    words: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  },
  {
    counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    key: [0xa4093822, 0x299f31d0],
    words: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  },
] as const;

const inJs = (k: readonly number[], c: readonly number[]) =>
  Array.from(philox4x32(new Uint32Array(4), k[0]!, k[1]!, c[0]!, c[1], c[2], c[3]));

it('gives the known answers of Random123 in JavaScript', () => {
  for (const { counter, key, words } of KNOWN) expect(inJs(key, counter)).toEqual(words);
});

describeEachVariant('philox in SIMD', (kernels) => {
  const inSimd = (key: readonly number[], counters: readonly (readonly number[])[]) => {
    const { space, kernels: k } = kernels().kernelSpace();
    const bytes = 16 * counters.length;
    const [from, to] = [space.alloc(bytes), space.alloc(bytes)];
    new Uint32Array(space.memory.buffer, from, 4 * counters.length).set(counters.flat());
    k.philoxBlocks(key[0]!, key[1]!, from, counters.length / 4, to);
    const out = Array.from(new Uint32Array(space.memory.buffer, to, 4 * counters.length));
    space.free(from);
    space.free(to);
    return counters.map((_, i) => out.slice(4 * i, 4 * i + 4));
  };

  it('gives the known answers of Random123 in every lane', () => {
    for (const { counter, key, words } of KNOWN) {
      for (let lane = 0; lane < 4; lane++) {
        const counters = [0, 1, 2, 3].map((i) => (i === lane ? counter : [9, 9, i, 9]));
        expect(inSimd(key, counters)[lane]).toEqual(words);
      }
    }
  });

  it('agrees with JavaScript bit for bit', () => {
    const word = fc.integer({ min: 0, max: 0xffffffff });
    const block = fc.tuple(word, word, word, word);
    fc.assert(
      fc.property(fc.tuple(word, word), fc.tuple(block, block, block, block), (key, counters) => {
        expect(inSimd(key, counters)).toEqual(counters.map((c) => inJs(key, c)));
      }),
    );
  });
});
