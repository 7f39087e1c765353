/** UTF-8 files, plain or compressed. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { DataError } from '@strata-ml/core';

/**
 * Reads a text; if the file is not there, the one of the same name with `.gz` is taken. A byte order mark is kept.
 *
 * @throws {@link DataError} if it cannot be read, does not uncompress, or is no UTF-8.
 */
export async function readTextFile(path: string): Promise<string> {
  const found = !existsSync(path) && existsSync(`${path}.gz`) ? `${path}.gz` : path;
  try {
    const stored = await readFile(found);
    const bytes = found.endsWith('.gz') ? await promisify(gunzip)(stored) : stored;
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new DataError(
      `${found}: must be a readable UTF-8 text (${(cause as Error).message})`,
      { file: found },
      { cause },
    );
  }
}
