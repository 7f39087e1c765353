/** GPT-2's vocabulary, read from the files that were published with it. */
import { join } from 'node:path';
import { DataError } from '@strata-ml/core';
import { BytePairTokenizer } from './BytePairTokenizer.js';
import { folderOf } from './folderOf.js';
import { readTextFile } from './readTextFile.js';
import type { Tokenizer } from './Tokenizer.js';

/**
 * Reads GPT-2's tokenizer: 50,257 tokens, the last of them the end of a text.
 *
 * @param folder - holds `encoder.json` and `vocab.bpe`, or both with `.gz`. @defaultValue the data set `gpt2-bpe`
 * @throws {@link OptionError} if the data set is not on this machine; {@link DataError} if a file is damaged.
 */
export async function loadGpt2Tokenizer(folder = folderOf('loadGpt2Tokenizer', 'gpt2-bpe')): Promise<Tokenizer> {
  const [encoder, list] = await Promise.all([
    readTextFile(join(folder, 'encoder.json')),
    readTextFile(join(folder, 'vocab.bpe')),
  ]);
  const tokens: string[] = [];
  for (const [token, id] of Object.entries(parseObject(encoder, folder))) tokens[id as number] = token;
  const hole = Array.from(tokens.keys()).find((id) => typeof tokens[id] !== 'string');
  if (hole !== undefined) throw new DataError(`${folder}/encoder.json: ids must be without gaps, ${hole} has no token`);
  const merges = list.split('\n').filter((line) => line !== '' && !line.startsWith('#version'));
  return new BytePairTokenizer({ type: 'bpe', tokens, merges });
}

function parseObject(text: string, folder: string): object {
  try {
    return JSON.parse(text) as object;
  } catch (cause) {
    throw new DataError(`${folder}/encoder.json: must be JSON (${(cause as Error).message})`, {}, { cause });
  }
}
