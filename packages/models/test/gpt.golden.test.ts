import { readFileSync } from 'node:fs';
import { expectClose } from '@strata-ml/testing';
import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import {
  exportGpt2,
  type GptConfig,
  gptBlock,
  gptLogits,
  gptParameters,
  importGpt2,
  type LoadedTensor,
  languageModelLoss,
} from '../src/index.js';
import { describeEachEngine } from './support/describeEachEngine.js';
import { gradientsOf, named, tensorsOf } from './support/gptWeights.js';

interface Stored {
  readonly shape: number[];
  readonly data: number[];
}
type Named = Readonly<Record<string, Stored>>;
interface Case {
  readonly causal: boolean;
  readonly tied: boolean;
  readonly weights: Named;
  readonly block: { readonly x: Stored; weighting: Stored; y: Stored; dx: Stored; gradients: Named };
  readonly tokens: number[][];
  readonly targets: number[][];
  readonly logits: Stored;
  readonly loss: number;
  readonly gradients: Named;
}
const golden = JSON.parse(readFileSync(new URL('./golden/gpt.json', import.meta.url), 'utf8')) as {
  readonly heads: number;
  readonly cases: Readonly<Record<string, Case>>;
};
const published = (stored: Named) => {
  const tensors = Object.entries(stored).map(([name, { shape, data }]) => [
    `transformer.${name}`,
    { dtype: 'F32', shape, data: Float32Array.from(data) } as const,
  ]);
  return Object.fromEntries(tensors) as Record<string, LoadedTensor>;
};
const why = 'float32 against PyTorch in float64';
const tensorOf = ({ data, shape }: Stored) => tf.tensor(data, shape, 'float32');

function expectGradients(got: Map<string, Float32Array>, expected: Named, config: GptConfig): void {
  const largest = Math.max(...Object.values(expected).flatMap(({ data }) => data.map(Math.abs)));
  // Out of our order of columns, into PyTorch's.
  for (const [name, { data }] of Object.entries(exportGpt2(named(got, config), config))) {
    if (expected[name]) expectClose(data, expected[name].data, { rtol: 1e-5, atol: 1e-6 * largest, why });
  }
}

describeEachEngine('GPT', () => {
  it.each(Object.entries(golden.cases))('equals PyTorch, forward and every gradient: %s', (_, c) => {
    const { config: read, weights: imported } = importGpt2(published(c.weights), golden.heads);
    expect(read.tied).toBe(c.tied);
    const config = { ...read, causal: c.causal };
    expect(
      gptParameters(config)
        .map(({ name }) => name)
        .sort(),
    ).toEqual(Object.keys(c.weights).sort());
    const values = new Map(Object.entries(imported).map(([name, { data }]) => [name, data]));
    const weights = tensorsOf(values, config);

    const { x, weighting, y, dx, gradients } = c.block;
    let seen: Float32Array | undefined;
    const block = gradientsOf(weights, tensorOf(x), (x, weights) => {
      const y = gptBlock(x, weights, 1, config);
      seen = y.dataSync<'float32'>().slice();
      return tf.sum(tf.mul(y, tensorOf(weighting)));
    });
    expectClose(seen!, y.data, { why });
    expectClose(block.dx.dataSync(), dx.data, { why, atol: 1e-6 * Math.max(...dx.data.map(Math.abs)) });
    expectGradients(block.gradients, gradients, config);

    const tokens = tf.tensor2d(c.tokens, undefined, 'int32');
    const whole = gradientsOf(weights, tf.scalar(0), (_, weights) => {
      const logits = gptLogits(tokens, weights, config);
      seen = logits.dataSync<'float32'>().slice();
      return languageModelLoss(logits, tf.tensor2d(c.targets, undefined, 'int32'));
    });
    expectClose(seen!, c.logits.data, { why });
    expectClose(whole.value.dataSync(), [c.loss], { why });
    expectGradients(whole.gradients, c.gradients, config);
  });
});
