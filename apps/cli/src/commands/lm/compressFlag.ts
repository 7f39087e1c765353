/** `--compress`: what a run compresses, by name or from a file. */
import { readFile } from 'node:fs/promises';
import type { OptimusConfig } from '@strata-ml/comm-compress';
import { DataError } from '@strata-ml/core';

/**
 * Options of a trainer for `--compress none`, `optimus-cc` or a JSON file with an `OptimusConfig`.
 *
 * @throws {@link DataError} if the file is not JSON; {@link OptionError} if it says something that is unknown.
 */
export async function compressionOptions(compress: string | undefined, pp: number) {
  if (compress === undefined || compress === 'none') return {};
  const { resolveCompression } = await import('@strata-ml/comm-compress');
  const { hooks, embeddingSync } = resolveCompression(
    compress === 'optimus-cc' ? compress : await readConfig(compress),
    { pp },
  );
  // Without compression of the embedding the flag of its own decides.
  return { hooks, ...(embeddingSync === 'fused' ? { embeddingSync } : {}) };
}

async function readConfig(path: string): Promise<OptimusConfig> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new DataError(`--compress: must be none, optimus-cc or a JSON file, got ${path}`, {}, { cause });
  }
  try {
    return JSON.parse(text) as OptimusConfig;
  } catch (cause) {
    throw new DataError(`--compress: ${path} must be JSON, ${(cause as Error).message}`, {}, { cause });
  }
}
