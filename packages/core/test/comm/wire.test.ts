/** What crosses from process to process: structured clone is the reference, copies of shared memory the addition. */
import { isShared, toShared } from '@strata-ml/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decode, encode, joinParts, readerOf, unsharedChunks } from '../../src/comm/processes/wire.js';

const cross = (value: unknown) => decode(readerOf(joinParts(encode(value))));

describe('values between processes', () => {
  it('come out as structured clones', () => {
    const plain = fc.anything({ withBigInt: true, withDate: true, withMap: true, withSet: true, withTypedArray: true });
    fc.assert(
      fc.property(plain, (value) => {
        expect(cross(value)).toEqual(structuredClone(value));
      }),
    );
    const error = cross(new RangeError('far')) as Error;
    expect([error instanceof RangeError, error.message]).toEqual([true, 'far']);
  });

  it('keep views of one shared buffer together, in shared memory, whatever their type', () => {
    const floats = toShared(Float32Array.of(1, 2, 3, 4));
    const bytes = new Uint8Array(floats.buffer, 4, 4);
    const crossed = cross({ floats, deep: [bytes, floats] }) as { floats: Float32Array; deep: [Uint8Array, unknown] };
    expect(crossed.floats).toEqual(floats);
    expect(isShared(crossed.floats)).toBe(true);
    expect(crossed.floats.buffer).not.toBe(floats.buffer);
    expect(crossed.deep[0].buffer).toBe(crossed.floats.buffer);
    expect(crossed.deep[1]).toBe(crossed.floats);
    crossed.floats[1] = 0;
    expect(Array.from(crossed.deep[0])).toEqual([0, 0, 0, 0]);
    expect(floats[1]).toBe(2);
  });

  it('larger than a chunk arrive whole', () => {
    const n = 2 ** 24 + 3;
    const large = toShared(new Uint8Array(n).fill(5));
    large[n - 1] = 7;
    const chunks = [...unsharedChunks(encode(large))];
    expect(chunks.some((chunk) => isShared(chunk))).toBe(false);
    const crossed = decode(readerOf(joinParts(chunks))) as Uint8Array;
    expect([crossed.length, crossed[n - 2], crossed[n - 1]]).toEqual([n, 5, 7]);
  });

  it('that cannot be cloned throw as structuredClone does', () => {
    for (const value of [() => {}, { deep: [Symbol('s')] }, new SharedArrayBuffer(4)]) {
      expect(() => encode(value)).toThrow(expect.objectContaining({ name: 'DataCloneError' }));
    }
  });
});
