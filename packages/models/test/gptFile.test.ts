import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataError } from '@strata-ml/core';
import { afterAll, expect, it } from 'vitest';
import { exportGpt2, gptConfig, importGpt2, loadGpt, loadSafetensors, saveGpt, saveSafetensors } from '../src/index.js';
import { initialValues, named } from './support/gptWeights.js';

const folder = mkdtempSync(join(tmpdir(), 'strata-gpt-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const config = gptConfig({ layers: 2, width: 8, heads: 2, context: 6, vocabulary: 11 });
const weights = named(initialValues(config), config);

it('gives a saved model back: configuration, weights and tokenizer', () => {
  const path = join(folder, 'model.safetensors');
  const tokenizer = { type: 'characters', characters: 'abc' };
  saveGpt(path, { config, weights, tokenizer });
  expect(loadGpt(path)).toEqual({ config, weights, tokenizer });
  saveGpt(path, { config, weights, tokenizer: undefined });
  expect(loadGpt(path).tokenizer).toBeUndefined();
});

it('says what a file lacks', () => {
  const path = join(folder, 'bad.safetensors');
  expect(() => loadGpt(path)).toThrow('no such file');
  saveSafetensors(path, weights);
  expect(() => loadGpt(path)).toThrow('format must be strata-gpt-1, got none');
  const { 'h.1.ln_1.bias': _, ...rest } = weights;
  saveGpt(path, { config, weights: rest, tokenizer: undefined });
  expect(() => loadGpt(path)).toThrow('h.1.ln_1.bias must be float32 [8], got nothing');
});

it('goes out as a published checkpoint and comes back the same', () => {
  const path = join(folder, 'published.safetensors');
  saveSafetensors(path, exportGpt2(weights, config));
  const { tensors } = loadSafetensors(path);
  expect(tensors['h.0.attn.c_attn.weight']!.data).not.toEqual(weights['h.0.attn.c_attn.weight']!.data);
  expect(importGpt2(tensors, 2)).toEqual({ config, weights });
  expect(() => importGpt2({}, 2)).toThrow(DataError);
  const { 'h.0.mlp.c_fc.bias': _, ...rest } = tensors;
  expect(() => importGpt2(rest, 2)).toThrow('h.0.mlp.c_fc.bias must be float32 [32], got nothing');
});
