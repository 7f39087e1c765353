import { readFileSync } from 'node:fs';
import { afterEach, expect, it } from 'vitest';
import { crc32c, OptionError } from '../src/index.js';
import { FixedSpace } from './support/FixedSpace.js';
import { describeEachVariant } from './support/variants.js';

const golden = JSON.parse(readFileSync(new URL('./golden/checksums.json', import.meta.url), 'utf8')) as {
  rows: { length: number; crc32c: number; xxh64: Record<string, string> }[];
};
const pattern = (length: number) =>
  Uint8Array.from({ length: length + 3 }, (_, i) => ((i - 3) * 131 + 7) % 251).subarray(3);

describeEachVariant('checksums', (kernels) => {
  afterEach(() => kernels().useKernelMemory(null));

  it.each(golden.rows)(
    'agree with the xxhash package and the definition at $length bytes',
    ({ length, crc32c, xxh64 }) => {
      const k = kernels();
      const data = pattern(length);
      expect(k.crc32c(data)).toBe(crc32c);
      for (const [seed, hash] of Object.entries(xxh64)) expect(String(k.xxHash64(data, BigInt(seed)))).toBe(hash);
      const space = new FixedSpace();
      k.useKernelMemory(space);
      const inPlace = new Uint8Array(space.memory.buffer, space.alloc(length), length);
      inPlace.set(data);
      expect(k.crc32c(inPlace)).toBe(crc32c);
      expect(String(k.xxHash64(inPlace))).toBe(xxh64['0']);
    },
  );

  it('CRC continues over parts', () => {
    const data = pattern(1001);
    const k = kernels();
    for (const cut of [0, 1, 500, 1001]) {
      expect(k.crc32c(data.subarray(cut), k.crc32c(data.subarray(0, cut)))).toBe(k.crc32c(data));
    }
  });
});

it('CRC refuses what is no checksum', () => {
  expect(() => crc32c(new Uint8Array(1), -1)).toThrow(OptionError);
});
