import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { nativeProfile, resetNativeProfile } from '../src/index.js';

beforeAll(async () => {
  expect(await tf.setBackend('native')).toBe(true);
});

/** Few different numbers make ties; 0 and −0 are equal. */
const numbers = fc.constantFrom(0, -0, 1, 2, -3, 0.5, Infinity, -Infinity);

describe('topk', () => {
  it('keeps what a full sort keeps, ties from the lowest index', () => {
    resetNativeProfile();
    const property = fc.property(fc.array(numbers, { minLength: 1, maxLength: 70 }), fc.nat(), (row, choice) => {
      const k = (choice % row.length) + 1;
      const order = row.map((_, i) => i).sort((i, j) => (row[j]! > row[i]! ? 1 : row[j]! < row[i]! ? -1 : i - j));
      const places = order.slice(0, k);
      const got = tf.tidy(() => {
        const { values, indices } = tf.topk(tf.tensor([row, row]), k);
        return [Array.from(values.dataSync()), Array.from(indices.dataSync())];
      });
      const values = places.map((i) => row[i]!);
      expect(nativeProfile()).toEqual([]);
      expect(got[1]).toEqual([...places, ...places]);
      expect(got[0]).toEqual([...values, ...values]);
    });
    fc.assert(property, { seed: 7, numRuns: 200 });
  });
});
