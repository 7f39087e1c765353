import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CharacterTokenizer } from '@strata-ml/datasets';
import {
  exportGpt2,
  type GptConfig,
  gptConfig,
  gptParameters,
  initialiseParameter,
  type NamedTensors,
  saveGpt,
  saveSafetensors,
} from '@strata-ml/models';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { hasData, problemOf, strata } from './run.js';

const initialWeights = (config: GptConfig): NamedTensors =>
  Object.fromEntries(
    gptParameters(config).map((parameter) => {
      const { name, shape } = parameter;
      return [name, { shape, data: initialiseParameter(parameter, 1) }];
    }),
  );

const folder = mkdtempSync(join(tmpdir(), 'strata-cli-generate-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeAll(() => {
  const tokenizer = CharacterTokenizer.of('abcé ');
  const config = gptConfig({ layers: 1, width: 8, heads: 2, context: 6, vocabulary: tokenizer.vocabularySize });
  saveGpt(join(folder, 'model.safetensors'), {
    config,
    weights: initialWeights(config),
    tokenizer: tokenizer.toJSON(),
  });
});

it('continues a prompt, the same for the same seed, and counts what it made', async () => {
  const flags = ['lm', 'generate', '--checkpoint', folder, '--prompt', 'ab', '--tokens', '20', '--engine', 'cpu'];
  const [plain, first, other] = await Promise.all([
    strata(flags),
    strata([...flags, '--json', '-']),
    strata([...flags, '--json', '-', '--seed', '2']),
  ]);
  expect(first.code, first.stderr).toBe(0);
  const { command, config, metrics } = JSON.parse(first.stdout);
  expect(command).toBe('lm generate');
  expect(config).toMatchObject({ temperature: 0.8, seed: 1, model: { layers: 1, vocabulary: 5 } });
  expect(metrics).toMatchObject({ prompt: 'ab', promptTokens: 2, tokensMade: 20 });
  expect([...metrics.text]).toHaveLength(20);
  expect(plain.stdout).toBe(`ab${metrics.text}\n`);
  expect(JSON.parse(other.stdout).metrics.text).not.toBe(metrics.text);
});

it.skipIf(!hasData('gpt2-bpe'))('generates with weights as GPT-2 publishes them', async () => {
  const config = gptConfig({ layers: 1, width: 8, heads: 2, context: 16, vocabulary: 50_257 });
  const published = join(folder, 'gpt2');
  mkdirSync(published);
  writeFileSync(join(published, 'config.json'), JSON.stringify({ n_head: 2, activation_function: 'gelu_new' }));
  saveSafetensors(join(published, 'model.safetensors'), exportGpt2(initialWeights(config), config));
  const flags = [
    'lm',
    'generate',
    '--checkpoint',
    published,
    '--prompt',
    'Hello world',
    '--tokens',
    '3',
    '--engine',
    'cpu',
  ];
  const { code, stdout, stderr } = await strata([...flags, '--json', '-']);
  expect(code, stderr).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    config: { model: { heads: 2, vocabulary: 50_257 } },
    metrics: { promptTokens: 2, tokensMade: 3 },
  });
});

it('says what is wrong with a model, a prompt or a flag', async () => {
  const [missing, unknown, flag] = await Promise.all([
    strata(['lm', 'generate', '--checkpoint', join(folder, 'none')]),
    strata(['lm', 'generate', '--checkpoint', folder, '--prompt', 'abz', '--engine', 'cpu']),
    strata(['lm', 'generate', '--checkpoint', folder, '--top-p', '1.5']),
  ]);
  expect([missing.code, unknown.code, flag.code]).toEqual([2, 2, 2]);
  expect(problemOf(missing).remedy).toContain('strata lm train');
  expect(problemOf(unknown).cause).toContain('"z"');
  expect(problemOf(flag).cause).toContain('--top-p');
});
