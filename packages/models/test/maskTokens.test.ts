import { OptionError, Rng } from '@strata-ml/core';
import { expect, it } from 'vitest';
import { IGNORED_TARGET, maskTokens } from '../src/index.js';

const vocabulary = 50;
const maskToken = 50;
const tokens = Int32Array.from({ length: 40_000 }, (_, i) => (i * 7) % vocabulary);

it('hides the stated share, four fifths of it by the mask, and asks for nothing else', () => {
  const { inputs, targets } = maskTokens(tokens, new Rng(1), { maskToken, vocabulary });
  const count = { asked: 0, masked: 0, same: 0 };
  for (const [i, token] of tokens.entries()) {
    if (targets[i] === IGNORED_TARGET) {
      expect(inputs[i]).toBe(token);
      continue;
    }
    expect(targets[i]).toBe(token);
    count.asked++;
    if (inputs[i] === maskToken) count.masked++;
    if (inputs[i] === token) count.same++;
  }
  const isNear = (got: number, share: number, of: number) =>
    expect(Math.abs(got / of - share)).toBeLessThan(4 * Math.sqrt((share * (1 - share)) / of));
  isNear(count.asked, 0.15, tokens.length);
  isNear(count.masked, 0.8, count.asked);
  // One in ten stays; of the one in ten drawn anew, one in fifty is the same again.
  isNear(count.same, 0.1 + 0.1 / vocabulary, count.asked);
});

it('depends on the generator and the place only', () => {
  const all = maskTokens(tokens, new Rng(1), { maskToken, vocabulary });
  const some = maskTokens(tokens.slice(0, 100), new Rng(1), { maskToken, vocabulary });
  expect(some.inputs).toEqual(all.inputs.slice(0, 100));
  expect(maskTokens(tokens, new Rng(2), { maskToken, vocabulary }).inputs).not.toEqual(all.inputs);
  expect(maskTokens(tokens, new Rng(1), { maskToken, vocabulary, rate: 0 }).inputs).toEqual(tokens);
  expect(() => maskTokens(tokens, new Rng(1), { maskToken, vocabulary, rate: 2 })).toThrow(OptionError);
});
