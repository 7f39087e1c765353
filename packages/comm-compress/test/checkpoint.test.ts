/** A run that was interrupted continues as if it had not been, on the same grid and on others. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataError } from '@strata-ml/core';
import { loadSafetensors } from '@strata-ml/models';
import { expectClose } from '@strata-ml/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type LanguageModelOptions, type LanguageModelReport, trainLanguageModel } from '../dist/index.js';
import { markovText, tinyGpt } from './support/tinyGpt.js';

const { vocabulary, ...model } = tinyGpt;
const data = { train: markovText(3000, vocabulary), validation: markovText(500, vocabulary, 2), vocabulary };
const shared = {
  model: { ...model, dropout: 0.1 },
  microBatch: 2,
  globalBatch: 8,
  learningRate: { lr: 3e-3, warmupSteps: 2, decaySteps: 8 },
} satisfies LanguageModelOptions;

let folder: string;
let whole: LanguageModelReport;
let first: LanguageModelReport;

const losses = (report: LanguageModelReport) => report.timeline.steps.map(({ loss }) => loss);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'strata-checkpoint-'));
  whole = await trainLanguageModel(data, { ...shared, tp: 2, pp: 2, steps: 8 });
  first = await trainLanguageModel(data, { ...shared, tp: 2, pp: 2, steps: 4, checkpointDir: folder });
}, 60_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('on the same grid has the same losses and weights, bit by bit', async () => {
  const resumed = await trainLanguageModel(data, {
    ...shared,
    tp: 2,
    pp: 2,
    steps: 8,
    checkpointDir: folder,
    checkpointEvery: 100,
    resume: true,
  });
  expect(losses(resumed)).toEqual(losses(whole));
  expect(resumed.metrics.parametersHash).toBe(whole.metrics.parametersHash);
  // One complete set is kept.
  expect(readdirSync(folder).filter((name) => name.startsWith('step-'))).toEqual(['step-00000008']);
});

it('on other grids has the same losses', async () => {
  rmSync(folder, { recursive: true, force: true });
  await trainLanguageModel(data, { ...shared, tp: 2, pp: 2, steps: 4, checkpointDir: folder });
  const replicas = await trainLanguageModel(data, { ...shared, dp: 2, steps: 6, checkpointDir: folder, resume: true });
  const stages = await trainLanguageModel(data, {
    ...shared,
    pp: 2,
    schedule: 'interleaved',
    steps: 8,
    checkpointDir: folder,
    resume: true,
  });
  expect(losses(replicas)).toHaveLength(6);
  expectClose(losses(stages), losses(whole), { rtol: 1e-4, why: 'float32 sums in another order' });
  expectClose([stages.metrics.valLoss], [whole.metrics.valLoss], { rtol: 1e-4, why: 'likewise' });
});

it('writes the whole model for use, the same from every grid', () => {
  expect(existsSync(join(folder, 'model.safetensors'))).toBe(true);
  const { tensors, metadata } = loadSafetensors(join(folder, 'model.safetensors'));
  expect(JSON.parse(metadata.config!)).toMatchObject({ layers: 4, width: 32, vocabulary });
  expect(tensors['wte.weight']!.shape).toEqual([vocabulary, 32]);
  for (const [name, { data }] of Object.entries(whole.weights)) {
    expectClose(tensors[name]!.data as Float32Array, data, {
      rtol: 1e-2,
      atol: 2e-3,
      why: `${name}: eight updates of Adam, which amplify rounding where gradients are near zero`,
    });
  }
});

it('of another model is refused', async () => {
  const other = trainLanguageModel(data, {
    ...shared,
    model: { ...model, width: 64 },
    steps: 9,
    checkpointDir: folder,
    resume: true,
  });
  await expect(other).rejects.toMatchObject({ cause: expect.any(DataError) });
  expect(losses(first)).toEqual(losses(whole).slice(0, 4));
});

it('is written when the run is stopped, by all ranks at the same step, and continues from there', async () => {
  rmSync(folder, { recursive: true, force: true });
  const stop = new AbortController();
  const stopped = await trainLanguageModel(data, {
    ...shared,
    tp: 2,
    pp: 2,
    steps: 8,
    checkpointDir: folder,
    signal: stop.signal,
    onEvent: (event) => {
      if (event.type === 'step' && event.step === 2) stop.abort();
    },
  });
  expect(stopped.status).toBe('aborted');
  const done = losses(stopped).length;
  expect(done).toBeLessThan(8);
  const resumed = await trainLanguageModel(data, {
    ...shared,
    tp: 2,
    pp: 2,
    steps: 8,
    checkpointDir: folder,
    resume: true,
  });
  expect(losses(resumed)).toEqual(losses(whole));
});
