/** A GPT small enough for tests, and a text from a seeded second-order Markov chain. */
import { Rng } from '@strata-ml/core';
import { type GptConfig, gptConfig } from '@strata-ml/models';

/** Four layers, so that four stages have one each. */
export const tinyGpt: GptConfig = gptConfig({ layers: 4, width: 32, heads: 4, context: 16, vocabulary: 27 });

/** Each token depends on the two before it: there is something to learn. int32 `[length]`. */
export function markovText(length: number, vocabulary: number, seed = 1): Int32Array {
  const rng = new Rng(seed);
  const text = new Int32Array(length);
  for (let i = 2; i < length; i++) {
    const state = text[i - 1]! * vocabulary + text[i - 2]!;
    // Three successors for every pair, with chances 1/2, 1/4, 1/4.
    const branch = [0, 0, 1, 2][rng.intAt(4, i)]!;
    text[i] = rng.split('next').intAt(vocabulary, state, branch);
  }
  return text;
}
