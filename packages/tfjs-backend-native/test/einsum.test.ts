import { expectClose } from '@strata-ml/testing';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { nativeMemory, nativeProfile, resetNativeProfile } from '../src/index.js';
import { uniform } from './oracles/dense.js';

beforeAll(async () => {
  expect(await tf.setBackend('native')).toBe(true);
});

const SIZES: Readonly<Record<string, number>> = { a: 2, b: 3, c: 4, d: 5, e: 1 };

/** The definition: a sum over every combination of indices. */
function sums(terms: readonly string[], result: string, operands: readonly Float32Array[]): Float64Array {
  const labels = [...new Set(terms.join(''))];
  const out = new Float64Array([...result].reduce((size, label) => size * SIZES[label]!, 1));
  const total = labels.reduce((size, label) => size * SIZES[label]!, 1);
  for (let i = 0; i < total; i++) {
    const index: Record<string, number> = {};
    let rest = i;
    for (const label of labels) {
      index[label] = rest % SIZES[label]!;
      rest = Math.floor(rest / SIZES[label]!);
    }
    const at = (term: string) => [...term].reduce((flat, label) => flat * SIZES[label]! + index[label]!, 0);
    out[at(result)]! += terms.reduce((value, term, k) => value * operands[k]![at(term)]!, 1);
  }
  return out;
}

const term = fc.shuffledSubarray(['a', 'b', 'c', 'd', 'e']).map((labels) => labels.join(''));
const equations = fc
  .record({
    terms: fc.array(term, { minLength: 1, maxLength: 2 }),
    order: fc.shuffledSubarray(['a', 'b', 'c', 'd', 'e']),
  })
  .map(({ terms, order }) => ({ terms, result: order.filter((label) => terms.join('').includes(label)).join('') }));

describe('einsum', () => {
  it('of one and two operands equals the float64 sum over all indices, in any order of labels', () => {
    const property = fc.property(equations, ({ terms, result }) => {
      const before = nativeMemory().currentBytes;
      const operands = terms.map((labels, i) =>
        uniform(
          [...labels].reduce((n, label) => n * SIZES[label]!, 1),
          i + 1,
        ),
      );
      resetNativeProfile();
      const got = tf.tidy(() => {
        const tensors = terms.map((labels, i) =>
          tf.tensor(
            operands[i]!,
            [...labels].map((label) => SIZES[label]!),
          ),
        );
        const y = tf.einsum(`${terms.join(',')}->${result}`, ...tensors);
        expect(y.shape).toEqual([...result].map((label) => SIZES[label]!));
        return y.dataSync();
      });
      expectClose(got, sums(terms, result, operands), { rtol: 1e-5, atol: 2e-5 });
      expect(nativeProfile().map(({ kernel }) => kernel)).not.toContain('Einsum');
      expect(nativeMemory().currentBytes).toBe(before);
    });
    fc.assert(property, { seed: 6, numRuns: 150 });
  });

  it('refuses what the inherited kernel refuses', () => {
    const x = tf.tensor([1, 2, 3, 4], [2, 2]);
    expect(() => tf.einsum('ij,jk,kl->il', x, x, x)).toThrow(/more than 2 input tensors/);
    expect(() => tf.einsum('ii->i', x)).toThrow(/duplicate axes/);
    expect(() => tf.einsum('ij,jk->ik', x, tf.ones([3, 2]))).toThrow(/Expected dimension/);
  });
});
