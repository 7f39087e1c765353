/** The law of the engine: every grid, schedule and runtime trains as one rank does. */
import { initEngine, launch, parseCluster, toShared } from '@strata-ml/core';
import { readTensor, tensorFrom } from '@strata-ml/kernels';
import { gptLogits, gptParameters, initialiseParameter, languageModelLoss } from '@strata-ml/models';
import { expectClose } from '@strata-ml/testing';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { joinParts } from '../src/dataParallel/joinParts.js';
import type { GridPlace } from '../src/grid/ParallelGrid.js';
import type { StageParameter } from '../src/stages/StageModule.js';
import { tokenBatches } from '../src/train/BatchSource.js';
import { expectedTraffic } from '../src/train/expectedTraffic.js';
import { resolveTrainerOptions, type TrainerOptions } from '../src/train/TrainerOptions.js';
import { markovText, tinyGpt } from './support/tinyGpt.js';

interface GridResult {
  readonly place: GridPlace;
  readonly losses: readonly number[];
  readonly norms: readonly number[];
  readonly gradients: readonly { readonly parameter: StageParameter; readonly data: Float32Array }[];
  readonly tied: boolean;
  readonly size: number;
  readonly evaluation: number;
  /** Tensors that were not there before the trainer. */
  readonly leaked: number;
  /** Sent by this rank in step 1, by phase. */
  readonly traffic: Readonly<Record<string, { readonly bytes: number; readonly messages: number }>>;
}

const shared: TrainerOptions = {
  globalBatch: 8,
  clip: 0.5,
  learningRate: { lr: 3e-3, warmupSteps: 3, decaySteps: 20, minLr: 3e-4 },
  seed: 7,
};

const encoder = { model: { causal: false }, mask: { maskToken: 26, vocabulary: 26, rate: 0.3 } };

/** The first is the reference, the next two have one rank too. */
const cases: readonly (readonly [
  name: string,
  options: TrainerOptions & { readonly model?: object; readonly steps?: number; readonly mask?: object },
])[] = [
  ['1 rank', { microBatch: 2, steps: 20 }],
  ['1 rank, no dropout', { microBatch: 2, model: { dropout: 0 }, steps: 1 }],
  ['encoder', { microBatch: 2, ...encoder }],
  ['1 rank, recompute', { microBatch: 2, recompute: true }],
  ['d=4', { dp: 4, microBatch: 2, steps: 20 }],
  ['d=2, overlapped buckets', { dp: 2, microBatch: 2, overlapGradients: true, bucketBytes: 4096 }],
  ['p=4, GPipe', { pp: 4, microBatch: 2, schedule: 'gpipe' }],
  ['p=4, 1F1B', { pp: 4, microBatch: 2 }],
  ['p=4, 1F1B, batchedSync, recompute', { pp: 4, microBatch: 2, p2p: 'batchedSync', recompute: true }],
  ['p=3, GPipe, batchedSync, uneven', { pp: 3, microBatch: 2, schedule: 'gpipe', p2p: 'batchedSync' }],
  ['p=2, v=2, interleaved', { pp: 2, microBatch: 2, steps: 20, schedule: 'interleaved', chunks: 2 }],
  ['t=2', { tp: 2, microBatch: 2 }],
  ['t=4', { tp: 4, microBatch: 2, recompute: true }],
  ['t=2, p=2, no scatter-gather', { tp: 2, pp: 2, microBatch: 2, scatterGather: false }],
  ['d=2, p=2, fused embedding', { dp: 2, pp: 2, microBatch: 2, embeddingSync: 'fused' }],
  ['t=2, p=2, d=2', { tp: 2, pp: 2, dp: 2, microBatch: 2, steps: 20, recompute: true }],
  [
    't=2, p=2, d=2, v=2, permuted, queue of 1',
    {
      tp: 2,
      pp: 2,
      dp: 2,
      microBatch: 2,
      schedule: 'interleaved',
      chunks: 2,
      queue: 1,
      placement: [7, 6, 5, 4, 3, 2, 1, 0],
    },
  ],
  ['encoder, t=2, p=2', { tp: 2, pp: 2, microBatch: 2, ...encoder }],
];

/** Cases that are compared with the first. */
const decoders = cases.slice(3, -1);

let results: Map<string, GridResult[]>;

beforeAll(async () => {
  const { results: byRank } = await launch<unknown, (GridResult | undefined)[]>(
    parseCluster('2x4'),
    new URL('./entries/grids.mjs', import.meta.url),
    {
      cases: cases.map(([, options]) => ({ ...shared, steps: 4, ...options })),
      config: { ...tinyGpt, dropout: 0.1 },
      tokens: toShared(markovText(4000, tinyGpt.vocabulary)),
    },
    { seed: 1 },
  );
  results = new Map(cases.map(([name], i) => [name, byRank.flatMap((ofRank) => ofRank[i] ?? [])]));
}, 120_000);

/** Gradients of step 1, whole, from the ranks of one replica. */
function wholeGradients(ranks: readonly GridResult[]): Map<string, Float32Array> {
  const whole = new Map<string, Float32Array>();
  const byTensor = [...ranks].filter((r) => r.place.replica === 0).sort((a, b) => a.place.tensor - b.place.tensor);
  for (const stage of new Set(byTensor.map((r) => r.place.stage))) {
    const group = byTensor.filter((r) => r.place.stage === stage);
    for (const [i, { parameter, data }] of group[0]!.gradients.entries()) {
      // What tensor ranks hold whole has the same gradient on all of them, bit by bit.
      if (parameter.splitAxis === null) for (const rank of group) expect(rank.gradients[i]!.data).toEqual(data);
      const joined = joinParts(
        parameter,
        group.map((r) => r.gradients[i]!.data),
      );
      // Rows that only pad the vocabulary are cut off.
      whole.set(parameter.name, parameter.name === 'wte.weight' ? joined.slice(0, 27 * 32) : joined);
    }
  }
  return whole;
}

describe.each(decoders.map(([name]) => name))('%s', (name) => {
  it('has the losses, norms and evaluation of one rank', () => {
    const reference = results.get('1 rank')![0]!;
    const ranks = results.get(name)!;
    for (const rank of ranks) {
      expect(rank.losses.length).toBeGreaterThanOrEqual(4);
      expectClose(rank.losses, reference.losses.slice(0, rank.losses.length), {
        rtol: 1e-4,
        why: '20 steps of float32 sums in another order',
      });
      expectClose(rank.norms, reference.norms.slice(0, rank.norms.length), { rtol: 1e-3, why: 'likewise' });
      if (rank.losses.length === reference.losses.length) {
        expectClose([rank.evaluation], [reference.evaluation], { rtol: 1e-4, why: 'likewise' });
      }
      expect(rank.tied).toBe(true);
    }
  });

  it('has the gradients of one rank in step 1', () => {
    const reference = wholeGradients(results.get('1 rank')!);
    const gradients = wholeGradients(results.get(name)!);
    expect([...gradients.keys()].sort()).toEqual([...reference.keys()].sort());
    for (const [parameter, expected] of reference) {
      const scale = expected.reduce((most, g) => Math.max(most, Math.abs(g)), 0);
      expectClose(gradients.get(parameter)!, expected, { rtol: 1e-5, atol: 1e-5 * scale + 1e-9, why: parameter });
    }
  });
});

it.each(decoders)('%s: sends in a step what the closed forms say, to the byte', (name, options) => {
  const resolved = resolveTrainerOptions({ ...shared, ...options });
  const ranks = results.get(name)!;
  const sent = (phase: string, what: 'bytes' | 'messages' = 'bytes') =>
    ranks.reduce((sum, { traffic }) => sum + (traffic[phase]?.[what] ?? 0), 0);
  const expected = expectedTraffic(tinyGpt, resolved);
  expect(Object.fromEntries(Object.keys(expected).map((phase) => [phase, sent(phase)]))).toEqual(expected);
  // One header of eight words for every message.
  const messages = sent('pipeline-forward', 'messages') + sent('pipeline-backward', 'messages');
  expect(sent('pipeline-header')).toBe(32 * messages);
});

it('an encoder that guesses hidden tokens has the losses of one rank when it is cut', () => {
  const [reference] = results.get('encoder')!;
  for (const { losses, norms } of results.get('encoder, t=2, p=2')!) {
    expectClose(losses, reference!.losses, { rtol: 1e-5, why: 'float32 sums in another order' });
    expectClose(norms, reference!.norms, { rtol: 1e-4, why: 'likewise' });
  }
});

it('leaves no tensors behind', () => {
  for (const [name, ranks] of results)
    expect(
      ranks.map(({ leaked }) => leaked),
      name,
    ).toEqual(ranks.map(() => 0));
});

it('holds only its own weights on every rank', () => {
  const [whole] = results.get('1 rank')!;
  const embedding = 27 * 32;
  for (const rank of results.get('p=4, 1F1B')!) {
    const isEnd = rank.place.stage === 0 || rank.place.stage === 3;
    expect(rank.size).toBeLessThanOrEqual((whole!.size - embedding - 16 * 32) / 4 + (isEnd ? embedding + 17 * 32 : 0));
  }
  const held = results.get('t=2, p=2, d=2')!.reduce((sum, { size }) => sum + size, 0);
  expect(held).toBeLessThan(8 * 0.45 * whole!.size);
});

it('on one rank, has the loss and gradients that tfjs finds for the whole model at once', async () => {
  await initEngine({});
  const data = tokenBatches({ train: markovText(4000, 27), context: 16, seed: 3 }).training(0, 8);
  const parameters = gptParameters(tinyGpt);
  const tokens = tf.tensor2d(data.inputs.data, [8, 16], 'int32');
  const targets = tf.tensor2d(data.targets.data, [8, 16], 'int32');
  const weights = parameters.map((p) => tensorFrom(p.shape, (out) => out.set(initialiseParameter(p, 7))));
  const { value, grads } = tf.valueAndGrads((...given: tf.Tensor[]) => {
    const named = Object.fromEntries(parameters.map(({ name }, i) => [name, given[i]!]));
    return languageModelLoss(gptLogits(tokens, named, tinyGpt), targets);
  })(weights);
  const [rank] = results.get('1 rank, no dropout')!;
  expectClose([rank!.losses[0]!], readTensor(value), { rtol: 1e-6, why: 'mean of four micro-batches' });
  const factor = Math.min(1, 0.5 / (rank!.norms[0]! + 1e-6));
  for (const [i, { name }] of parameters.entries()) {
    const expected = readTensor(grads[i]!).map((g) => g * factor);
    const scale = expected.reduce((most, g) => Math.max(most, Math.abs(g)), 0);
    const found = rank!.gradients.find(({ parameter }) => parameter.name === name)!;
    expectClose(found.data, expected, { rtol: 1e-5, atol: 1e-5 * scale + 1e-9, why: name });
  }
});
