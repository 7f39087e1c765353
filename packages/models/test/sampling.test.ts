import { NonFiniteError, OptionError, Rng } from '@strata-ml/core';
import { expectClose } from '@strata-ml/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sampleToken, tokenDistribution } from '../src/index.js';

const logits = Float32Array.from([0.125, 0.5, 0.125, 0.25], Math.log);
const shares = (options: object) => {
  const { tokens, probabilities } = tokenDistribution(logits, options);
  return [[...tokens], [...probabilities].map((p) => Math.round(p * 1e6) / 1e6)];
};

describe('tokenDistribution', () => {
  it('is the closed form of each option', () => {
    expect(shares({})).toEqual([
      [0, 1, 2, 3],
      [0.125, 0.5, 0.125, 0.25],
    ]);
    // Squares, at temperature ½: 1, 16, 1, 4 of 22.
    expectClose(tokenDistribution(logits, { temperature: 0.5 }).probabilities, [1 / 22, 16 / 22, 1 / 22, 4 / 22]);
    expect(shares({ temperature: 0 })).toEqual([[1], [1]]);
    expect(shares({ topK: 2 })).toEqual([
      [1, 3],
      [0.666667, 0.333333],
    ]);
    expect(shares({ topK: 3 })).toEqual([
      [1, 3, 0],
      [0.571429, 0.285714, 0.142857],
    ]);
    expect(shares({ topP: 0.45 })).toEqual([[1], [1]]);
    expect(shares({ topP: 0.7 })).toEqual([
      [1, 3],
      [0.666667, 0.333333],
    ]);
    expect(shares({ topP: 0.8 })).toEqual([
      [1, 3, 0],
      [0.571429, 0.285714, 0.142857],
    ]);
    // The share to reach is of what top-k left: 0.6 of 0.75 is within the first.
    expect(shares({ topK: 2, topP: 0.6 })).toEqual([[1], [1]]);
  });

  it('is a distribution, keeps the best, and falls with the score', () => {
    const options = fc.record({
      temperature: fc.double({ min: 0.05, max: 10, noNaN: true }),
      topK: fc.integer({ min: 1, max: 12 }),
      topP: fc.double({ min: 0.01, max: 1, noNaN: true }),
    });
    const scores = fc.float32Array({ minLength: 1, maxLength: 9, min: -50, max: 50, noNaN: true });
    const property = fc.property(scores, options, (scores, options) => {
      const { tokens, probabilities } = tokenDistribution(scores, options);
      expectClose([probabilities.reduce((a, b) => a + b)], [1], { rtol: 1e-9 });
      expect(tokens.length).toBeLessThanOrEqual(options.topK);
      expect([...tokens].some((token) => scores[token] === Math.max(...scores))).toBe(true);
      const kept = [...tokens].map((token) => scores[token]!);
      const cut = [...scores].filter((_, token) => !tokens.includes(token));
      expect(Math.max(-Infinity, ...cut)).toBeLessThanOrEqual(Math.min(...kept));
    });
    fc.assert(property);
  });

  it('rules out scores of −∞, and refuses what is no number', () => {
    expectClose(tokenDistribution(Float32Array.of(0, -Infinity, 0)).probabilities, [0.5, 0, 0.5]);
    for (const wrong of [
      [0, Number.NaN],
      [Infinity, 0],
      [-Infinity, -Infinity],
    ]) {
      expect(() => tokenDistribution(Float32Array.from(wrong))).toThrow(NonFiniteError);
    }
  });

  it('refuses options out of range', () => {
    for (const options of [{ temperature: -1 }, { temperature: Number.NaN }, { topK: 0 }, { topP: 0 }, { topP: 1.1 }]) {
      expect(() => tokenDistribution(logits, options)).toThrow(OptionError);
    }
  });
});

describe('sampleToken', () => {
  it.each([{}, { temperature: 0.7 }, { topK: 3 }, { topP: 0.7 }])('draws that distribution: %o', (options) => {
    const rng = new Rng(3);
    const draws = 20_000;
    const counts = new Map<number, number>();
    for (let i = 0; i < draws; i++) {
      const token = sampleToken(logits, options, rng.uniformAt(i));
      counts.set(token, (counts.get(token) ?? 0) + 1);
    }
    const { tokens, probabilities } = tokenDistribution(logits, options);
    expect(counts.size).toBe(tokens.length);
    for (const [i, token] of tokens.entries()) {
      const p = probabilities[i]!;
      expect(Math.abs(counts.get(token)! / draws - p)).toBeLessThan(4 * Math.sqrt((p * (1 - p)) / draws) + 1e-12);
    }
  });

  it('gives a token for every number in [0, 1)', () => {
    expect(sampleToken(logits, {}, 0)).toBe(0);
    expect(sampleToken(logits, {}, 0.125)).toBe(1);
    expect(sampleToken(logits, {}, 1 - 2 ** -32)).toBe(3);
  });
});
