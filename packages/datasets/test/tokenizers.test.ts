import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DataError } from '@strata-ml/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type BytePairFile,
  BytePairTokenizer,
  byteTokenizer,
  CharacterTokenizer,
  loadGpt2Tokenizer,
  type Tokenizer,
  tokenizerFromFile,
} from '../src/index.js';
import { hasRealData, realData, scratch } from './support/dataFolder.js';

const anyText = fc.string({ unit: 'grapheme', maxLength: 60 });
const roundTrip = (tokenizer: Tokenizer, text: string) => {
  const tokens = tokenizer.encode(text);
  expect(tokenizer.decode(tokens)).toBe(text);
  const bytes = Buffer.concat(Array.from(tokens, (token) => tokenizer.bytesOf(token)));
  expect(bytes.toString('utf8')).toBe(text);
};
const saved = (tokenizer: Tokenizer) => tokenizerFromFile(JSON.parse(JSON.stringify(tokenizer)));

describe('CharacterTokenizer', () => {
  it('numbers the characters of its text by code point, and gives any text of them back', () => {
    const tokenizer = CharacterTokenizer.of('banana 😀');
    expect(tokenizer.toJSON().characters).toBe(' abn😀');
    expect([...tokenizer.encode('nab😀')]).toEqual([3, 1, 2, 4]);
    const text = fc.string({ unit: fc.constantFrom(...' abn😀') });
    fc.assert(fc.property(text, (text) => roundTrip(saved(tokenizer), text)));
  });

  it('names the character that it does not know', () => {
    const tokenizer = CharacterTokenizer.of('ab');
    expect(() => tokenizer.encode('abc')).toThrow('character 2 must be in the alphabet of 2, got "c"');
    expect(() => tokenizer.decode([2])).toThrow(DataError);
    expect(() => new CharacterTokenizer({ characters: 'aa' })).toThrow(DataError);
  });
});

/** The 256 bytes, and tokens by merging: `merges` are pairs of places in the growing list. */
function grown(picks: readonly (readonly [number, number])[]): BytePairFile {
  const { tokens: bytes } = byteTokenizer().toJSON() as BytePairFile;
  // Letters, so that pieces are long and merges meet.
  const base = [...'abc'];
  const merges: string[] = [];
  for (const [i, j] of picks) {
    const [left, right] = [base[i % base.length]!, base[j % base.length]!];
    if (base.includes(left + right)) continue;
    base.push(left + right);
    merges.push(`${left} ${right}`);
  }
  return { type: 'bpe', tokens: [...bytes, ...base.slice(3)], merges };
}

/** Oracle: the leftmost pair of the best rank, one at a time. */
function mergedByDefinition(word: string, merges: readonly string[]): string[] {
  const parts = [...word];
  for (;;) {
    const ranks = parts.slice(1).map((right, i) => merges.indexOf(`${parts[i]} ${right}`));
    const best = Math.min(...ranks.filter((rank) => rank >= 0));
    if (best === Infinity) return parts;
    const at = ranks.indexOf(best);
    parts.splice(at, 2, parts[at]! + parts[at + 1]!);
  }
}

describe('BytePairTokenizer', () => {
  const picks = fc.array(fc.tuple(fc.nat(30), fc.nat(30)), { maxLength: 12 });

  it('merges the pair of the best rank first, as the definition says', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 24 });
    const property = fc.property(picks, word, (picks, word) => {
      const file = grown(picks);
      const tokens = new BytePairTokenizer(file).encode(word);
      expect(Array.from(tokens, (token) => file.tokens[token])).toEqual(mergedByDefinition(word, file.merges));
    });
    fc.assert(property, {
      examples: [
        [[[0, 0]], 'aaa'],
        [
          [
            [0, 1],
            [1, 0],
            [3, 0],
          ],
          'abaab',
        ],
      ],
    });
  });

  it('gives every text back, and so does a saved copy', () => {
    fc.assert(
      fc.property(picks, anyText, (picks, text) => roundTrip(saved(new BytePairTokenizer(grown(picks))), text)),
    );
    for (const text of ['\ufeffmark', 'e\u0301', '\u0000', 'line\r\n']) roundTrip(byteTokenizer(), text);
    expect([...byteTokenizer().encode('é')]).toEqual([0xc3, 0xa9]);
  });

  it('marks what is no UTF-8', () => {
    expect(byteTokenizer().decode([0xc3])).toBe('\ufffd');
  });

  it('refuses a vocabulary that contradicts itself', () => {
    const file = grown([[0, 1]]);
    expect(() => new BytePairTokenizer({ ...file, merges: ['a x'] })).toThrow('merge 0');
    expect(() => new BytePairTokenizer({ ...file, tokens: file.tokens.slice(1) })).toThrow('byte 0');
    expect(() => new BytePairTokenizer({ ...file, tokens: [...file.tokens, 'a'] })).toThrow('twice');
    expect(() => byteTokenizer().decode([256])).toThrow(DataError);
    expect(() => tokenizerFromFile({ type: 'words' } as never)).toThrow('`characters` or `bpe`');
  });
});

describe('loadGpt2Tokenizer', () => {
  const { tokens } = byteTokenizer().toJSON() as BytePairFile;
  const write = (folder: string, files: Record<string, string>) => {
    mkdirSync(join(scratch, folder));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(scratch, folder, name), text);
    return join(scratch, folder);
  };
  const ids = Object.fromEntries([...tokens, 'ab'].map((token, id) => [token, id]));

  it('reads the files by either pair of names', async () => {
    const merges = '#version: 0.2\na b\n';
    for (const [i, names] of [
      ['encoder.json', 'vocab.bpe'],
      ['vocab.json', 'merges.txt'],
    ].entries()) {
      const folder = write(`gpt2-${i}`, { [names[0]!]: JSON.stringify(ids), [names[1]!]: merges });
      expect([...(await loadGpt2Tokenizer(folder)).encode('abb')]).toEqual([256, 0x62]);
    }
  });

  it('says what is wrong with a file', async () => {
    await expect(loadGpt2Tokenizer(write('none', {}))).rejects.toThrow('encoder.json');
    await expect(loadGpt2Tokenizer(write('damaged', { 'vocab.json': '{', 'merges.txt': '' }))).rejects.toThrow('JSON');
    const gap = JSON.stringify({ ...ids, ab: 300 });
    const folder = write('gap', { 'vocab.json': gap, 'merges.txt': '' });
    await expect(loadGpt2Tokenizer(folder)).rejects.toThrow('256 has no token');
  });
});

describe.skipIf(!hasRealData)("GPT-2's tokenizer (needs the data folder)", async () => {
  const tokenizer = hasRealData ? await loadGpt2Tokenizer(`${realData}/gpt2-bpe`) : byteTokenizer();
  const { cases } = JSON.parse(readFileSync(new URL('./golden/gpt2.json', import.meta.url), 'utf8')) as {
    cases: { text: string; tokens: number[] }[];
  };

  it('has 50,257 tokens, the last for the end of a text', () => {
    expect(tokenizer.vocabularySize).toBe(50_257);
    expect(tokenizer.endToken).toBe(50_256);
    expect(tokenizer.decode([50_256])).toBe('<|endoftext|>');
  });

  it.each(cases)('gives what tiktoken gives: $text', ({ text, tokens }) => {
    expect([...tokenizer.encode(text)]).toEqual(tokens);
    expect(tokenizer.decode(tokens)).toBe(text);
  });

  it('gives every text back', () => {
    fc.assert(fc.property(anyText, (text) => roundTrip(tokenizer, text)));
  });
});
