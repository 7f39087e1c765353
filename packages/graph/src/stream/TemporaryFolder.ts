/** A folder for intermediate files that is gone afterwards, whatever happened. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OptionError } from '@strata-ml/core';

/** Names files in a temporary folder. */
export type TemporaryPath = (name: string) => string;

/**
 * Runs `body` with a fresh folder below `parent`, which is removed with all it holds when `body` ends or throws.
 *
 * @throws {@link OptionError} if `parent` cannot be written to.
 */
export async function withTemporaryFolder<T>(
  parent: string | undefined,
  body: (path: TemporaryPath) => Promise<T>,
): Promise<T> {
  const base = parent ?? tmpdir();
  const folder = await mkdtemp(join(base, 'strata-')).catch((cause: NodeJS.ErrnoException) => {
    throw new OptionError('tmpDir', 'folder', base, `writable (${cause.code})`, 'choose another one');
  });
  try {
    return await body((name) => join(folder, name));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
