import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { DataError, isShared, OptionError } from '@strata-ml/core';
import { describe, expect, it } from 'vitest';
import { byteTokenizer, loadTextDataset, textDatasets } from '../src/index.js';
import { hasRealData, realData, scratch } from './support/dataFolder.js';

const folder = join(scratch, 'texts');
mkdirSync(folder);
const write = (name: string, content: string | Uint8Array): string => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};
const text = 'ünd so weiter 😀'.repeat(10);

describe('loadTextDataset', () => {
  it('cuts a file by characters; both parts together are the text', async () => {
    const plain = await loadTextDataset(write('plain.txt', text), { validation: 0.25 });
    const { tokenizer, train, validation, test } = plain;
    expect(tokenizer.decode([...train, ...validation])).toBe(text);
    expect(train.length).toBe(Math.floor([...text].length * 0.75));
    expect(test.length).toBe(0);
    expect([train, validation].every(isShared)).toBe(true);
    const zipped = await loadTextDataset(write('zipped.txt.gz', gzipSync(text)), { validation: 0.25 });
    expect(zipped.train).toEqual(train);
  });

  it('takes bytes, or the tokenizer of a saved model', async () => {
    const path = write('bytes.txt', text);
    const bytes = await loadTextDataset(path, { tokenizer: 'bytes' });
    expect(bytes.train.length + bytes.validation.length).toBe(Buffer.byteLength(text));
    const tokenizer = byteTokenizer();
    const given = await loadTextDataset(path, { tokenizer });
    expect(given.tokenizer).toBe(tokenizer);
    expect(given.train).toEqual(bytes.train);
  });

  it('says what is wrong', async () => {
    const fails = (name: string, options = {}) =>
      expect(loadTextDataset(name, { roots: [folder], ...options })).rejects;
    await fails(write('latin1.txt', Uint8Array.of(0x61, 0xfc))).toThrow(DataError);
    await fails(write('broken.txt.gz', 'no gzip')).toThrow(DataError);
    await fails(write('empty.txt', '')).toThrow('text to train');
    await fails('tiny-shakespear').toThrow('tiny-shakespeare');
    await fails('tiny-shakespeare').toThrow('strata data fetch tiny-shakespeare');
    await fails('cora').toThrow('brown-corpus');
    await fails(write('plain.txt', text), { validation: 1 }).toThrow(OptionError);
    await fails(write('plain.txt', text), { tokenizer: 'words' }).toThrow(OptionError);
    await fails(write('plain.txt', text), { tokenizer: 'gpt2' }).toThrow('gpt2-bpe');
  });
});

describe.skipIf(!hasRealData)('the registered texts (need the data folder)', () => {
  const roots = [realData];

  it('Tiny Shakespeare has 65 characters, and the published token counts with GPT-2', async () => {
    const characters = await loadTextDataset('tiny-shakespeare', { roots });
    expect(characters.tokenizer.vocabularySize).toBe(65);
    expect([characters.train.length, characters.validation.length]).toEqual([1_003_854, 111_540]);
    const gpt2 = await loadTextDataset('tiny-shakespeare', { roots, tokenizer: 'gpt2' });
    expect([gpt2.train.length, gpt2.validation.length]).toEqual([301_966, 36_059]);
  });

  it.each(textDatasets)('are all there and checked: %s', async (name) => {
    const { train, validation, test, tokenizer } = await loadTextDataset(name, { roots });
    expect(Math.abs(validation.length / (train.length + validation.length) - 0.1)).toBeLessThan(1e-5);
    expect(test.length > 0).toBe(name === 'wikitext-2-valid-test');
    expect(tokenizer.decode(test).includes('<unk>')).toBe(test.length > 0);
  });
});
