import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { nativeProfile, resetNativeProfile } from '../src/index.js';
import { uniform } from './oracles/dense.js';

beforeAll(async () => {
  expect(await tf.setBackend('native')).toBe(true);
});

const cases = fc.record({
  height: fc.integer({ min: 1, max: 6 }),
  width: fc.integer({ min: 1, max: 5 }),
  slice: fc.integer({ min: 1, max: 37 }),
  places: fc.array(fc.tuple(fc.nat(1000), fc.nat(1000)), { minLength: 1, maxLength: 20 }),
});

interface Case {
  readonly height: number;
  readonly width: number;
  readonly slice: number;
  readonly places: readonly (readonly [number, number])[];
}

/** Rows of `slice` numbers of a `[height, width, slice]` array, as the coordinates name them. */
function rowsOf({ height, width, places }: Case): number[] {
  return places.map(([y, x]) => (y % height) * width + (x % width));
}

function coordinates(c: Case): tf.Tensor {
  const flat = c.places.flatMap(([y, x]) => [y % c.height, x % c.width]);
  return tf.tensor(flat, [c.places.length, 2], 'int32');
}

describe('gatherND, scatterND, tensorScatterUpdate', () => {
  it('move the rows that the coordinates name; sums where two meet, the later where it replaces', () => {
    const property = fc.property(cases, (c) => {
      const { height, width, slice, places } = c;
      const rows = rowsOf(c);
      const base = uniform(height * width * slice, 1);
      const updates = uniform(places.length * slice, 2);
      const gathered = rows.flatMap((row) => [...base.subarray(row * slice, (row + 1) * slice)]);
      const summed = new Float32Array(base.length);
      const replaced = base.slice();
      rows.forEach((row, i) => {
        for (let j = 0; j < slice; j++) {
          summed[row * slice + j]! += updates[i * slice + j]!;
          replaced[row * slice + j] = updates[i * slice + j]!;
        }
      });
      const got = tf.tidy(() => {
        const at = coordinates(c);
        const x = tf.tensor(base, [height, width, slice]);
        const u = tf.tensor(updates, [places.length, slice]);
        const sum = tf.scatterND(at, u, [height, width, slice]);
        return [tf.gatherND(x, at), sum, tf.tensorScatterUpdate(x, at, u)].map((y) => Array.from(y.dataSync()));
      });
      expect(got).toEqual([gathered, Array.from(summed), Array.from(replaced)]);
    });
    fc.assert(property, { seed: 5, numRuns: 100 });
  });

  it('do so for int32, without inherited kernels where rows move', () => {
    resetNativeProfile();
    const got = tf.tidy(() => {
      const x = tf.tensor([1, 2, 3, 4, 5, 6], [3, 2], 'int32');
      const at = tf.tensor([2, 0], [2, 1], 'int32');
      const updates = tf.tensor([7, 8, 9, 10], [2, 2], 'int32');
      return [tf.gatherND(x, at), tf.tensorScatterUpdate(x, at, updates)].map((y) => Array.from(y.dataSync()));
    });
    expect(got).toEqual([
      [5, 6, 1, 2],
      [9, 10, 3, 4, 7, 8],
    ]);
    expect(nativeProfile()).toEqual([]);
  });

  it('refuse coordinates outside the tensor', () => {
    const x = tf.zeros([2, 2]);
    const outside = tf.tensor([5, 0], [1, 2], 'int32');
    expect(() => tf.gatherND(x, outside)).toThrow(/does not index into/);
    expect(() => tf.scatterND(outside, tf.ones([1]), [2, 2])).toThrow(/does not index/);
  });
});

describe('sparseToDense', () => {
  it('puts values in their places and the default elsewhere', () => {
    const got = tf.tidy(() => {
      const at = tf.tensor([0, 3, 1, 2], [2, 2], 'int32');
      return Array.from(tf.sparseToDense(at, tf.tensor([7, -0]), [2, 4], 5).dataSync());
    });
    expect(got).toEqual([5, 5, 5, 7, 5, 5, -0, 5]);
  });
});
