/** What compression remembers is kept on the same grid, and dropped, with a word, on another. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type LanguageModelEvent, type LanguageModelOptions, trainLanguageModel } from '../dist/index.js';
import { markovText, tinyGpt } from './support/tinyGpt.js';

const { vocabulary, ...model } = tinyGpt;
const data = { train: markovText(2000, vocabulary), vocabulary };
const hooks = { module: new URL('./entries/countingHooks.mjs', import.meta.url).href };
let root: string;

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'strata-hooks-'));
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

async function run(steps: number, options: LanguageModelOptions) {
  const events: LanguageModelEvent[] = [];
  const learningRate = { decaySteps: 6, warmupSteps: 1 };
  const shared = { model, microBatch: 2, globalBatch: 4, learningRate, steps, hooks };
  const report = await trainLanguageModel(data, { ...shared, ...options, onEvent: (event) => events.push(event) });
  const losses = report.timeline.steps.map(({ loss }) => loss);
  return { losses, resumed: events.find((event) => event.type === 'resumed') };
}

it('continues with a checkpoint on the same grid, starts anew on another', async () => {
  const folder = join(root, 'run');
  const whole = await run(6, { pp: 2 });
  await run(3, { pp: 2, checkpointDir: folder });
  const copy = join(root, 'copy');
  cpSync(folder, copy, { recursive: true });
  const other = await run(4, { pp: 4, checkpointDir: copy, resume: true });
  expect(other.resumed).toMatchObject({ step: 3, hasDroppedHooks: true });
  const same = await run(6, { pp: 2, checkpointDir: folder, resume: true });
  expect(same.resumed).toMatchObject({ step: 3, hasDroppedHooks: false });
  expect(same.losses).toEqual(whole.losses);
  // Without the memory the fourth step, whose messages come fourth and later, differs.
  expect(other.losses[3]).not.toBe(whole.losses[3]);
});
