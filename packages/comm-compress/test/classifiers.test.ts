/** Models other than transformers run on the same engine. */
import { launch, parseCluster, Rng } from '@strata-ml/core';
import { expectClose } from '@strata-ml/testing';
import { expect, it } from 'vitest';

it('a perceptron and a convolutional network in three stages train as on one rank', async () => {
  const rng = new Rng(4);
  const inputs = Float32Array.from({ length: 32 * 64 }, (_, i) => rng.normalAt(i));
  const targets = Int32Array.from(
    { length: 32 },
    (_, i) => (inputs[i * 64]! > 0 ? 1 : 0) + (inputs[i * 64 + 1]! > 0 ? 1 : 0),
  );
  const { results } = await launch<unknown, { stages: number[]; alone: number[] }[]>(
    parseCluster('1x3'),
    new URL('./entries/classifiers.mjs', import.meta.url),
    {
      mlp: { widths: [64, 24, 20, 16, 3] },
      cnn: { size: [8, 8], channels: 1, filters: [4, 6], classes: 3 },
      data: { inputs, targets },
      options: { microBatch: 4, globalBatch: 16, learningRate: { lr: 0.01 } },
    },
  );
  for (const rank of results) {
    for (const { stages, alone } of rank) {
      expectClose(stages, alone, { rtol: 1e-5, why: 'the same sums' });
      expect(alone[4]!).toBeLessThan(alone[0]!);
    }
  }
});
