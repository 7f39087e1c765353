import { DataError, OptionError, ShapeError } from '@strata-ml/core';
import { expectClose } from '@strata-ml/testing';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import {
  gptBlock,
  gptConfig,
  gptEmbedding,
  gptHead,
  gptLogits,
  gptParameters,
  IGNORED_TARGET,
  initialiseParameter,
  languageModelLoss,
  partShape,
  slicePart,
  transformerDropoutKey,
  vocabularyRange,
} from '../src/index.js';
import { describeEachEngine } from './support/describeEachEngine.js';
import { gradientsOf, initialValues, tensorsOf } from './support/gptWeights.js';
import { replayRanks } from './support/replayedRanks.js';

const config = gptConfig({ layers: 2, width: 8, heads: 2, context: 6, vocabulary: 11 });
const ids = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0, 1];
const tokensOf = (values: number[]) => tf.tensor2d(values, [2, 6], 'int32');

describe('parameters of a GPT', () => {
  it('number 12·h² + 13·h a block, and the standard total', () => {
    const count = (c: typeof config) =>
      gptParameters(c).reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b), 0);
    const small = gptConfig({ layers: 12, width: 768, heads: 12, context: 1024, vocabulary: 50257 });
    expect(count(small)).toBe(124_439_808); // GPT-2 small
    expect(count({ ...small, layers: 13 }) - count(small)).toBe(12 * 768 ** 2 + 13 * 768);
    expect(count({ ...small, tied: false }) - count(small)).toBe(50257 * 768);
  });

  it('start alike however they are cut', () => {
    for (const parameter of gptParameters(gptConfig({ ...config, paddedVocabulary: 12 }))) {
      const whole = initialiseParameter(parameter, 7);
      const parts = [0, 1].map((rank) => initialiseParameter(parameter, 7, { size: 2, rank }));
      const [first, second] = parts as [Float32Array, Float32Array];
      const { shape, splitAxis } = parameter;
      if (splitAxis === null) expect(parts).toEqual([whole, whole]);
      if (splitAxis === 0) expect([...first, ...second]).toEqual([...whole]);
      if (splitAxis === 1) {
        const joined = tf.tidy(() => {
          const half = partShape(parameter, { size: 2, rank: 0 });
          return tf.concat([tf.tensor(first, half), tf.tensor(second, half)], 1).dataSync<'float32'>();
        });
        expect([...joined]).toEqual([...whole]);
      }
      expect(whole.length).toBe(shape.reduce((a, b) => a * b));
    }
  });

  it('are normal with the stated deviation, and differ by name and seed', () => {
    const [parameter] = gptParameters({ ...config, width: 512, paddedVocabulary: 100 });
    const values = initialiseParameter(parameter!, 3);
    const n = values.length;
    const mean = values.reduce((a, b) => a + b, 0) / n;
    const deviation = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / n);
    const kurtosis = values.reduce((a, b) => a + (b - mean) ** 4, 0) / n / deviation ** 4;
    // Four standard errors of each estimate.
    expect(Math.abs(mean)).toBeLessThan((4 * 0.02) / Math.sqrt(n));
    expect(Math.abs(deviation / 0.02 - 1)).toBeLessThan(4 / Math.sqrt(2 * n));
    expect(Math.abs(kurtosis - 3)).toBeLessThan(4 * Math.sqrt(24 / n));
    expect(initialiseParameter(parameter!, 4)).not.toEqual(values);
    expect(initialiseParameter({ ...parameter!, name: 'other' }, 3)).not.toEqual(values);
  });

  it('refuse what does not fit', () => {
    expect(() => gptConfig({ ...config, heads: 3 })).toThrow(OptionError);
    expect(() => gptConfig({ ...config, layers: 0.5 })).toThrow(OptionError);
    expect(() => gptConfig({ ...config, dropout: 1 })).toThrow(OptionError);
    expect(() => gptConfig({ ...config, paddedVocabulary: 10 })).toThrow(OptionError);
    expect(() => initialiseParameter(gptParameters(config)[0]!, 1, { size: 2, rank: 0 })).toThrow(OptionError);
  });
});

describeEachEngine('GPT', () => {
  it('is causal: a token changes no score before it', () => {
    const weights = tensorsOf(initialValues(config), config);
    const logits = (values: number[]) => gptLogits(tokensOf(values), weights, config).dataSync();
    const before = logits(ids);
    const changed = [...ids];
    changed[3] = 9;
    const after = logits(changed);
    const { vocabulary } = config;
    expectClose(after.slice(0, 3 * vocabulary), before.slice(0, 3 * vocabulary), { rtol: 0, atol: 1e-7 });
    expect(after.slice(3 * vocabulary, 6 * vocabulary)).not.toEqual(before.slice(3 * vocabulary, 6 * vocabulary));
    expectClose(after.slice(6 * vocabulary), before.slice(6 * vocabulary), { rtol: 0, atol: 1e-7 });
  });

  it('leaves nothing behind but what it gives', () => {
    const weights = tensorsOf(initialValues(config), config);
    const tokens = tokensOf(ids);
    const before = tf.memory().numTensors;
    const x = gptEmbedding(tokens, weights, config);
    const y = gptBlock(x, weights, 0, config);
    const logits = gptHead(y, weights, config);
    const loss = languageModelLoss(logits, tokens);
    expect(tf.memory().numTensors).toBe(before + 4);
    tf.dispose([x, y, logits, loss]);
  });

  it('drops the same again with the same key, and about the stated share', () => {
    const dropping = gptConfig({ ...config, dropout: 0.25 });
    const weights = tensorsOf(initialValues(config), config);
    const run = (microBatch: number) => {
      const options = { training: true, dropoutKey: transformerDropoutKey(1, 5, microBatch) };
      const { value, gradients } = gradientsOf(weights, tf.scalar(0), (_, weights) =>
        languageModelLoss(gptLogits(tokensOf(ids), weights, dropping, options), tokensOf(ids)),
      );
      return [...value.dataSync(), ...[...gradients.values()].flatMap((values) => [...values])];
    };
    expect(run(2)).toEqual(run(2));
    expect(run(2)[0]).not.toBe(run(3)[0]);
    const wide = gptConfig({ ...dropping, width: 1000 });
    const embedded = gptEmbedding(
      tokensOf(ids),
      { 'wte.weight': tf.ones([11, 1000]), 'wpe.weight': tf.ones([6, 1000]) },
      wide,
      { training: true, dropoutKey: [1, 2] },
    ).dataSync();
    const dropped = embedded.filter((value) => value === 0).length / embedded.length;
    expect(Math.abs(dropped - 0.25)).toBeLessThan(4 * Math.sqrt((0.25 * 0.75) / embedded.length));
    expect(new Set(embedded)).toEqual(new Set([0, Math.fround(2 / 0.75)]));
    expect(() => gptBlock(tf.zeros([1, 2, 8]), weights, 0, dropping, { training: true })).toThrow('dropoutKey');
  });

  it('counts no target that is to be ignored', () => {
    const logits = tf.tensor2d([0, 1, 2, 3, 5, 4], [3, 2]);
    const loss = languageModelLoss(logits, tf.tensor1d([1, IGNORED_TARGET, 1], 'int32'));
    expectClose(loss.dataSync(), [(Math.log(1 + Math.exp(-1)) + Math.log(1 + Math.exp(1))) / 2]);
    expect(languageModelLoss(logits, tf.fill([3], IGNORED_TARGET, 'int32')).dataSync()[0]).toBe(0);
  });

  it.each([true, false])('cut over two devices equals the whole, with every gradient: tied %s', (tied) => {
    const whole = gptConfig({ ...config, paddedVocabulary: 12, tied, dropout: 0.2 });
    // Biases and norms away from 0 and 1, or many a mistake would not show.
    const moved = (values: Float32Array) => values.map((value, i) => value + 0.1 * Math.sin(i + values.length));
    const values = new Map([...initialValues(whole)].map(([name, values]) => [name, moved(values)]));
    const options = { training: true, dropoutKey: transformerDropoutKey(1, 0, 0) };
    // Any function of the logits that is a sum over tokens of the vocabulary will do.
    const weighting = Float32Array.from({ length: 12 * 11 }, (_, i) => Math.sin(i * 1.3));
    const score = (logits: tf.Tensor3D, first: number) => {
      const all = tf.tensor3d(weighting, [2, 6, 11]);
      const own = tf.slice(all, [0, 0, first], logits.shape);
      return tf.sum(tf.mul(logits, tf.mul(logits, own)));
    };
    const expected = gradientsOf(tensorsOf(values, whole), tf.scalar(0), (_, weights) =>
      score(gptLogits(tokensOf(ids), weights, whole, options), 0),
    );
    const ranks = replayRanks(2, (tensorParallel) => {
      const parts = gptParameters(whole).map((parameter) => {
        const own = slicePart(parameter, values.get(parameter.name)!, tensorParallel);
        return [parameter.name, tf.tensor(own, partShape(parameter, tensorParallel))] as const;
      });
      const { value, gradients } = gradientsOf(Object.fromEntries(parts), tf.scalar(0), (_, weights) => {
        const logits = gptLogits(tokensOf(ids), weights, whole, { ...options, tensorParallel });
        return score(logits, vocabularyRange(whole, tensorParallel).first);
      });
      return { value: value.dataSync()[0]!, gradients };
    });
    expectClose([ranks[0]!.value + ranks[1]!.value], expected.value.dataSync());
    const largest = Math.max(...[...expected.gradients.values()].flatMap((g) => [...g].map(Math.abs)));
    for (const parameter of gptParameters(whole)) {
      for (const [rank, { gradients }] of ranks.entries()) {
        const own = slicePart(parameter, expected.gradients.get(parameter.name)!, { size: 2, rank });
        expectClose(gradients.get(parameter.name)!, own, { atol: 1e-6 * largest, why: 'sums in another order' });
      }
    }
  });

  it('refuses tokens that it does not know, and more than it has positions for', () => {
    const weights = tensorsOf(initialValues(config), config);
    expect(() => gptLogits(tf.tensor2d([[0, 11]], undefined, 'int32'), weights, config)).toThrow(DataError);
    expect(() => gptLogits(tf.zeros([1, 7], 'int32'), weights, config)).toThrow(ShapeError);
    const tensorParallel = {
      size: 3,
      rank: 0,
      copyToRegion: (x: tf.Tensor) => x,
      reduceFromRegion: (x: tf.Tensor) => x,
    };
    expect(() => gptBlock(tf.zeros([1, 2, 8]), weights, 0, config, { tensorParallel })).toThrow(OptionError);
  });
});
