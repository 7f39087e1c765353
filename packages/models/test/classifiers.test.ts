import { readFileSync } from 'node:fs';
import { OptionError } from '@strata-ml/core';
import { expectClose } from '@strata-ml/testing';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import {
  cnnLogits,
  cnnParameters,
  languageModelLoss,
  mlpLogits,
  mlpParameters,
  type TransformerWeights,
} from '../src/index.js';
import { describeEachEngine } from './support/describeEachEngine.js';
import { gradientsOf } from './support/gptWeights.js';

interface Stored {
  readonly shape: number[];
  readonly data: number[];
}
interface Case {
  readonly x: Stored;
  readonly targets: number[];
  readonly logits: Stored;
  readonly loss: number;
  readonly weights: Readonly<Record<string, Stored>>;
  readonly gradients: Readonly<Record<string, Stored>>;
}
const golden = JSON.parse(readFileSync(new URL('./golden/classifiers.json', import.meta.url), 'utf8')) as {
  readonly mlp: Case;
  readonly cnn: Case;
};
const mlp = { widths: [5, 7, 6, 3] };
const cnn = { size: [9, 6], channels: 2, filters: [3, 4], classes: 3 } as const;
const models = {
  mlp: {
    parameters: mlpParameters(mlp),
    logits: (x: tf.Tensor, weights: TransformerWeights) => mlpLogits(x as tf.Tensor2D, weights, mlp),
  },
  cnn: {
    parameters: cnnParameters(cnn),
    logits: (x: tf.Tensor, weights: TransformerWeights) => cnnLogits(x as tf.Tensor4D, weights, cnn),
  },
};
const tensorOf = ({ data, shape }: Stored) => tf.tensor(data, shape, 'float32');

describeEachEngine('classifiers', () => {
  it.each(['mlp', 'cnn'] as const)('equal PyTorch, forward and every gradient: %s', (name) => {
    const { parameters, logits } = models[name];
    const { x, targets, weights, ...expected } = golden[name];
    expect(parameters.map(({ name, shape }) => [name, shape])).toEqual(
      Object.entries(weights).map(([name, { shape }]) => [name, shape]),
    );
    const why = 'float32 against PyTorch in float64';
    const given = Object.fromEntries(Object.entries(weights).map(([name, stored]) => [name, tensorOf(stored)]));
    const before = tf.memory().numTensors;
    const scores = logits(tensorOf(x), given);
    // The logits, and the input.
    expect(tf.memory().numTensors).toBe(before + 2);
    expectClose(scores.dataSync(), expected.logits.data, { why });
    const { value, gradients } = gradientsOf(given, tensorOf(x), (x, weights) =>
      languageModelLoss(logits(x, weights), tf.tensor1d(targets, 'int32')),
    );
    expectClose(value.dataSync(), [expected.loss], { why });
    const largest = Math.max(...Object.values(expected.gradients).flatMap(({ data }) => data.map(Math.abs)));
    for (const [name, { data }] of Object.entries(expected.gradients)) {
      expectClose(gradients.get(name)!, data, { atol: 1e-6 * largest, why });
    }
  });
});

describe('classifiers', () => {
  it('refuse shapes that make no sense', () => {
    expect(() => mlpParameters({ widths: [5] })).toThrow(OptionError);
    expect(() => mlpParameters({ widths: [5, 0] })).toThrow(OptionError);
    expect(() => cnnParameters({ ...cnn, size: [9, 3] })).toThrow('at least 4 both ways');
  });
});
