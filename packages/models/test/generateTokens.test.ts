import { AbortedError, DataError, OptionError } from '@strata-ml/core';
import { expectClose } from '@strata-ml/testing';
import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { type GenerateOptions, GptDecoder, generateTokens, gptConfig, gptLogits } from '../src/index.js';
import { describeEachEngine } from './support/describeEachEngine.js';
import { initialValues, tensorsOf } from './support/gptWeights.js';

const config = gptConfig({ layers: 2, width: 12, heads: 3, context: 8, vocabulary: 11, paddedVocabulary: 12 });
/** Weights far from their small start, so that scores differ; yet attention spreads over several tokens. */
const weightsOf = () => {
  const moved = (values: Float32Array) => values.map((v, i) => v + 0.3 * Math.sin(1.7 * i + values.length));
  return tensorsOf(new Map([...initialValues(config)].map(([name, values]) => [name, moved(values)])), config);
};
/** Scores after the last of these tokens, from the whole model. */
const fullLogits = (tokens: readonly number[], weights: Record<string, tf.Tensor>) =>
  tf.tidy(() => {
    const logits = gptLogits(tf.tensor2d([...tokens], [1, tokens.length], 'int32'), weights, config);
    return logits.dataSync<'float32'>().slice(-config.vocabulary);
  });
const collect = async (prompt: number[], weights: Record<string, tf.Tensor>, options: GenerateOptions) => {
  const made: number[] = [];
  for await (const token of generateTokens(prompt, weights, config, options)) made.push(token);
  return made;
};

describeEachEngine('generation', () => {
  it('reads tokens with the scores of the whole forward, however they come', () => {
    const weights = weightsOf();
    const tokens = [3, 1, 4, 1, 5, 9, 2, 6];
    for (const parts of [[1, 1, 1, 1, 1, 1, 1, 1], [4, 1, 1, 1, 1], [8], [2, 3, 3]]) {
      const decoder = new GptDecoder(weights, config);
      for (const part of parts) {
        const from = decoder.length;
        const got = decoder.read(tokens.slice(from, from + part));
        expectClose(got, fullLogits(tokens.slice(0, from + part), weights), { why: 'sums in another order' });
      }
      expect(() => decoder.read([1])).toThrow('at most 8 tokens');
      decoder.reset();
      expectClose(decoder.read([7]), fullLogits([7], weights));
    }
    expect(() => new GptDecoder(weights, config).read([11])).toThrow(DataError);
  });

  it('takes the best token of the whole forward at temperature 0, also when the context is full', async () => {
    const weights = weightsOf();
    const seen = [3, 1, 4];
    let window = [...seen];
    const expected: number[] = [];
    for (let i = 0; i < 14; i++) {
      if (window.length > config.context) window = window.slice(-4);
      const logits = fullLogits(window, weights);
      expected.push(logits.indexOf(Math.max(...logits)));
      window.push(expected[i]!);
    }
    expect(await collect(seen, weights, { tokens: 14, temperature: 0 })).toEqual(expected);
    const long = [...Array(20).keys()].map((i) => i % 11);
    const [first] = await collect(long, weights, { tokens: 1, temperature: 0 });
    const logits = fullLogits(long.slice(-8), weights);
    expect(first).toBe(logits.indexOf(Math.max(...logits)));
  });

  it('repeats with the seed, stops at the end token and at the signal, leaves no tensor', async () => {
    const weights = weightsOf();
    const before = tf.memory().numTensors;
    const made = await collect([1], weights, { tokens: 12, seed: 5 });
    expect(made.length).toBe(12);
    expect(await collect([1], weights, { tokens: 12, seed: 5 })).toEqual(made);
    expect(await collect([1], weights, { tokens: 12, seed: 6 })).not.toEqual(made);
    const endToken = made[4]!;
    expect(await collect([1], weights, { tokens: 12, seed: 5, endToken })).toEqual(
      made.slice(0, made.indexOf(endToken)),
    );
    await expect(collect([1], weights, { signal: AbortSignal.abort() })).rejects.toThrow(AbortedError);
    await expect(collect([], weights, {})).rejects.toThrow(OptionError);
    await expect(collect([1], weights, { topP: 2 })).rejects.toThrow(OptionError);
    await expect(generateTokens([1], weights, { ...config, causal: false }).next()).rejects.toThrow('causal');
    expect(tf.memory().numTensors).toBe(before);
  });
});
