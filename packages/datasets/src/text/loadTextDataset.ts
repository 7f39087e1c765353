/** Texts as tokens, ready for a language model. */
import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { DataError, OptionError, toShared } from '@strata-ml/core';
import { findRegistered, unknownDataset } from '../registry/registry.js';
import { dataRoots } from '../roots.js';
import { checkFolder } from '../verify.js';
import { byteTokenizer } from './BytePairTokenizer.js';
import { CharacterTokenizer } from './CharacterTokenizer.js';
import { folderOf } from './folderOf.js';
import { loadGpt2Tokenizer } from './gpt2Tokenizer.js';
import { readTextFile } from './readTextFile.js';
import type { Tokenizer } from './Tokenizer.js';

/** A text in three parts, as tokens in shared memory. */
export interface TextDataset {
  readonly name: string;
  /** File or folder that was read. */
  readonly source: string;
  readonly tokenizer: Tokenizer;
  /** int32 `[tokens]`; each part is encoded by itself. */
  readonly train: Int32Array;
  readonly validation: Int32Array;
  /** Empty where the data set has no test part. */
  readonly test: Int32Array;
}

/** Options of {@link loadTextDataset}. */
export interface TextOptions {
  /**
   * `characters`: those of the text; `bytes`: 256 tokens; `gpt2`: GPT-2's, from the data set `gpt2-bpe`; or one of a
   * saved model. @defaultValue `'characters'`
   */
  readonly tokenizer?: 'characters' | 'bytes' | 'gpt2' | Tokenizer;
  /** Share of the characters, at the end, that is kept for validation, in (0, 1). @defaultValue `0.1` */
  readonly validation?: number;
  /** Compare the files of registered data sets with their checksums first. @defaultValue `true` */
  readonly verify?: boolean;
  /** Folders to search for names. @defaultValue {@link dataRoots} */
  readonly roots?: readonly string[];
}

/** Registered data sets that are texts: the file to train on, and the test file if there is one. */
const TEXTS: Readonly<Record<string, { readonly text: string; readonly test?: string }>> = {
  'tiny-shakespeare': { text: 'input.txt' },
  // Its training file is not among the data: the published validation file takes its place.
  'wikitext-2-valid-test': { text: 'valid.txt', test: 'test.txt' },
  'brown-corpus': { text: 'brown.txt' },
  'state-of-the-union': { text: 'state-of-the-union.txt' },
};

/** Names of the registered data sets that {@link loadTextDataset} takes. */
export const textDatasets: readonly string[] = Object.keys(TEXTS);

const where = 'loadTextDataset';

/**
 * Loads a text by the name of a registered data set, or from a UTF-8 file, plain or `.gz`.
 *
 * The first characters train, the last validate, both encoded apart: at 90 % of Tiny Shakespeare GPT-2's tokenizer gives
 * 301,966 and 36,059 tokens.
 *
 * @throws {@link OptionError} if nothing is found under the name, or an option is out of range.
 * @throws {@link DataError} if a file is damaged or is no UTF-8, or a part is empty.
 */
export async function loadTextDataset(nameOrPath: string, options: TextOptions = {}): Promise<TextDataset> {
  const { tokenizer: choice = 'characters', validation = 0.1, verify = true, roots = dataRoots() } = options;
  if (!(validation > 0 && validation < 1)) throw new OptionError(where, 'validation', validation, 'in (0, 1)');
  const { name, source, text, test } = await readParts(nameOrPath, roots, verify);
  const tokenizer = typeof choice === 'object' ? choice : await chosen(choice, text + test, roots);
  const characters = [...text];
  const cut = Math.floor(characters.length * (1 - validation));
  const encoded = (part: readonly string[]) => toShared(tokenizer.encode(part.join('')));
  const [train, validating] = [encoded(characters.slice(0, cut)), encoded(characters.slice(cut))];
  if (train.length === 0 || validating.length === 0) {
    throw new DataError(`${source}: must hold text to train and to validate on, got ${characters.length} characters`);
  }
  return { name, source, tokenizer, train, validation: validating, test: toShared(tokenizer.encode(test)) };
}

async function readParts(
  nameOrPath: string,
  roots: readonly string[],
  verify: boolean,
): Promise<{ name: string; source: string; text: string; test: string }> {
  const files = Object.hasOwn(TEXTS, nameOrPath) ? TEXTS[nameOrPath] : undefined;
  const entry = findRegistered(nameOrPath);
  if (files && entry) {
    const folder = folderOf(where, nameOrPath, roots);
    if (verify) await checkFolder(nameOrPath, folder, entry.files);
    const test = files.test === undefined ? '' : await readTextFile(join(folder, files.test));
    return { name: nameOrPath, source: folder, text: await readTextFile(join(folder, files.text)), test };
  }
  if (entry) {
    throw new OptionError(where, 'data set', nameOrPath, 'a text', `texts are ${textDatasets.join(', ')}, or a file`);
  }
  const path = resolve(nameOrPath);
  if (!existsSync(path)) throw unknownDataset(where, nameOrPath);
  return { name: basename(path), source: path, text: await readTextFile(path), test: '' };
}

async function chosen(
  choice: 'characters' | 'bytes' | 'gpt2',
  text: string,
  roots: readonly string[],
): Promise<Tokenizer> {
  switch (choice) {
    case 'characters':
      return CharacterTokenizer.of(text);
    case 'bytes':
      return byteTokenizer();
    case 'gpt2':
      return loadGpt2Tokenizer(folderOf(where, 'gpt2-bpe', roots));
    default:
      throw new OptionError(where, 'tokenizer', choice, '`characters`, `bytes`, `gpt2` or a tokenizer');
  }
}
