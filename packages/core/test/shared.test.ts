import { describe, expect, it } from 'vitest';
import {
  isShared,
  sharedFloat32,
  sharedFloat64,
  sharedInt32,
  sharedUint8,
  sharedUint32,
  toShared,
} from '../src/shared.js';

describe('shared arrays', () => {
  it('are zeros of the asked length over shared memory', () => {
    for (const create of [sharedFloat32, sharedFloat64, sharedInt32, sharedUint32, sharedUint8]) {
      for (const length of [0, 1, 17]) {
        const array = create(length);
        expect(array.length).toBe(length);
        expect(isShared(array)).toBe(true);
        expect(array.every((v) => v === 0)).toBe(true);
      }
    }
  });

  it('copy a view with its offset and keep type and what is shared already', () => {
    const view = Int32Array.of(9, 1, 2, 3, 9).subarray(1, 4);
    const copy = toShared(view);
    expect(copy).toEqual(Int32Array.of(1, 2, 3));
    expect(isShared(copy)).toBe(true);
    expect(isShared(view)).toBe(false);
    expect(toShared(copy)).toBe(copy);
    expect(toShared(Uint16Array.of(7))).toBeInstanceOf(Uint16Array);
  });
});
