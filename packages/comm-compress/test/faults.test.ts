/** What goes wrong is said by every run, soon, and by name. */
import { CommMismatchError, launch, NonFiniteError, parseCluster, RankFailedError } from '@strata-ml/core';
import { expectClose } from '@strata-ml/testing';
import { describe, expect, it } from 'vitest';
import { type LanguageModelOptions, trainLanguageModel } from '../dist/index.js';
import { markovText, tinyGpt } from './support/tinyGpt.js';

const { vocabulary, ...model } = tinyGpt;
const data = { train: markovText(2000, vocabulary), vocabulary };
const pipeline = { model, pp: 2, microBatch: 1, globalBatch: 3, steps: 4 } satisfies LanguageModelOptions;
const module = new URL('./entries/faultHooks.mjs', import.meta.url).href;

async function failure(run: Promise<unknown>): Promise<RankFailedError> {
  const error = await run.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(RankFailedError);
  return error as RankFailedError;
}

describe('a broken message', () => {
  it.each([
    ['forward', 0, 1],
    ['backward', 1, 0],
  ])('with a NaN, %s, names stage, micro-batch and direction', async (direction, stage, receiver) => {
    const options = { fault: 'nan', stage, iteration: 2, microBatch: 1, direction };
    const error = await failure(trainLanguageModel(data, { ...pipeline, hooks: { module, options } }));
    expect(error.cause).toBeInstanceOf(NonFiniteError);
    expect(error.details.rank).toBe(receiver);
    expect((error.cause as Error).message).toMatch(
      new RegExp(`received by stage ${receiver}, micro-batch 1, ${direction}: element 5 is NaN`),
    );
  });

  it('out of the expected order says what was expected and what came', async () => {
    const entry = new URL('./entries/twoSchedules.mjs', import.meta.url);
    const error = await failure(launch(parseCluster('1x2'), entry, { config: tinyGpt, tokens: data.train }));
    expect(error.cause).toBeInstanceOf(CommMismatchError);
    expect((error.cause as Error).message).toMatch(
      /must be backward of micro-batch 2 .* got backward of micro-batch 0/,
    );
  });
});

it('a rank that ends takes the others with it', async () => {
  const options = { fault: 'kill', stage: 1, iteration: 2, microBatch: 0, direction: 'backward' };
  const error = await failure(trainLanguageModel(data, { ...pipeline, hooks: { module, options } }));
  expect(error.details.rank).toBe(1);
});

describe('16-bit messages', () => {
  it('in fp16 skip steps until the loss scale fits, on all ranks together, and then train like float32', async () => {
    const options = { ...pipeline, steps: 12, learningRate: { lr: 1e-3, warmupSteps: 1 } };
    const [half, single, brain] = [
      await trainLanguageModel(data, { ...options, wire: 'fp16' }),
      await trainLanguageModel(data, options),
      await trainLanguageModel(data, { ...options, wire: 'bf16' }),
    ];
    expect(half.metrics.traffic.find(({ phase }) => phase === 'pipeline-forward')?.bytes).toBe(3 * 16 * 32 * 2);
    const first = single!.timeline.steps.map(({ loss }) => loss);
    expectClose(
      brain!.timeline.steps.map(({ loss }) => loss),
      first,
      { rtol: 2e-3, why: 'eight bits of mantissa' },
    );
    expectClose(
      half!.timeline.steps.map(({ loss }) => loss),
      first,
      { rtol: 2e-2, why: 'some steps are skipped' },
    );
  });
});
