/** GPT-2's vocabulary, read from the files that were published with it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DataError } from '@strata-ml/core';
import { BytePairTokenizer } from './BytePairTokenizer.js';
import { folderOf } from './folderOf.js';
import { readTextFile } from './readTextFile.js';
import type { Tokenizer } from './Tokenizer.js';

/** The two files, by the names of the original and by those of the Hugging Face hub. */
const NAMES = [
  ['encoder.json', 'vocab.bpe'],
  ['vocab.json', 'merges.txt'],
] as const;

/**
 * Reads GPT-2's tokenizer: 50,257 tokens, the last of them the end of a text.
 *
 * @param folder - holds `encoder.json` and `vocab.bpe`, or the same as `vocab.json` and `merges.txt`, each maybe with
 * `.gz`. @defaultValue the data set `gpt2-bpe`
 * @throws {@link OptionError} if the data set is not on this machine; {@link DataError} if a file is missing or damaged.
 */
export async function loadGpt2Tokenizer(folder = folderOf('loadGpt2Tokenizer', 'gpt2-bpe')): Promise<Tokenizer> {
  const has = (name: string) => existsSync(join(folder, name)) || existsSync(join(folder, `${name}.gz`));
  const [encoder, list] = NAMES.find(([name]) => has(name)) ?? NAMES[0];
  const [vocabulary, pairs] = await Promise.all([encoder, list].map((name) => readTextFile(join(folder, name))));
  const tokens: string[] = [];
  const file = join(folder, encoder);
  for (const [token, id] of Object.entries(parseObject(vocabulary!, file))) tokens[id as number] = token;
  const hole = Array.from(tokens.keys()).find((id) => typeof tokens[id] !== 'string');
  if (hole !== undefined) throw new DataError(`${file}: ids must be without gaps, ${hole} has no token`);
  const merges = pairs!.split(/\r?\n/).filter((line) => line !== '' && !line.startsWith('#version'));
  return new BytePairTokenizer({ type: 'bpe', tokens, merges });
}

function parseObject(text: string, file: string): object {
  try {
    return JSON.parse(text) as object;
  } catch (cause) {
    throw new DataError(`${file}: must be JSON (${(cause as Error).message})`, { file }, { cause });
  }
}
