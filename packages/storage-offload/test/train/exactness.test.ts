import { initEngine } from '@strata-ml/core';
import type { GnnSpec } from '@strata-ml/models';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { OffloadTrainer } from '../../src/train/OffloadTrainer.js';
import type { OffloadMode } from '../../src/train/options.js';
import { smallGraph, wholeGraph, withStore } from '../support/smallGraph.js';

beforeAll(() => initEngine());

const small = smallGraph();
const networks: Record<string, Omit<GnnSpec, 'inputWidth' | 'numClasses'>> = {
  gcn: { model: 'gcn', layers: 3, hidden: 8, dropout: 0 },
  'gcn, dropout': { model: 'gcn', layers: 2, hidden: 8, dropout: 0.5 },
  'gcn, batch norm, dense head': {
    model: 'gcn',
    layers: 2,
    hidden: 8,
    norm: 'batch',
    dropout: 0.3,
    finalLinearLayers: 1,
  },
  'sage, layer norm': { model: 'sage', layers: 3, hidden: 8, dropout: 0.5 },
  'sage, batch norm': { model: 'sage', layers: 3, hidden: 8, norm: 'batch', dropout: 0 },
  gat: { model: 'gat', layers: 2, hidden: 8, heads: 2, dropout: 0.2 },
  'res-sage, layer norm': { model: 'resSage', layers: 3, hidden: 8, dropout: 0.5 },
  'res-sage, batch norm': { model: 'resSage', layers: 3, hidden: 8, norm: 'batch', dropout: 0 },
};
const budgets = { ample: 2 ** 24, smallest: 0 } as const;

/** Relative L2 error of each gradient tensor; one that is zero but for rounding (a bias before batch norm) counts against all. */
function worstError(trainer: OffloadTrainer, actual: Float32Array, expected: Float32Array): number {
  const scale = Math.hypot(...expected);
  let at = 0;
  let worst = 0;
  for (const { variable } of trainer.model.parameters) {
    const [a, e] = [actual, expected].map((x) => x.subarray(at, at + variable.size));
    const error = Math.hypot(...a!.map((value, i) => value - e![i]!));
    const norm = Math.hypot(...e!);
    worst = Math.max(worst, error / (norm > 1e-5 * scale ? norm : scale));
    at += variable.size;
  }
  return worst;
}

describe('loss and every gradient are those of the whole graph', () => {
  it.each([1, 2, 3, 4, 8])('in %i parts, for every network, mode and budget', async (parts) => {
    const tensors = tf.memory().numTensors;
    await withStore(small, parts, async (store) => {
      for (const [name, model] of Object.entries(networks)) {
        const whole = wholeGraph(small, model);
        const expected = whole.step(1);
        for (const mode of ['regather', 'snapshot'] satisfies OffloadMode[]) {
          for (const [budget, bytes] of Object.entries(budgets)) {
            const fusedHead = budget === 'ample';
            const options = { model, mode, fusedHead, ...(fusedHead ? {} : { stripeRows: 7 }) };
            const hostMemory = bytes || (await minimum(store, options));
            const trainer = await OffloadTrainer.open(store, { ...options, hostMemory });
            try {
              const actual = await trainer.gradients();
              const label = `${name}, ${mode}, ${budget}`;
              expect(Math.abs(actual.loss / expected.loss - 1), label).toBeLessThan(1e-5);
              expect(worstError(trainer, actual.gradients, expected.gradients), label).toBeLessThan(1e-5);
            } finally {
              trainer.close();
            }
          }
        }
        whole.dispose();
      }
    });
    expect(tf.memory().numTensors).toBe(tensors);
  });
});

async function minimum(store: Parameters<typeof OffloadTrainer.open>[0], options: object): Promise<number> {
  const trainer = await OffloadTrainer.open(store, { ...options, hostMemory: 2 ** 24 });
  trainer.close();
  return trainer.minimumHostBytes;
}
