/** Compares a data set's files with the checksums of the registry. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { DataError } from '@strata-ml/core';
import { type RegisteredFile, registered } from './registry/registry.js';
import { dataRoots, findDatasetFolder } from './roots.js';

/** What {@link verifyDataset} found about one file. */
export interface VerifiedFile {
  /** Path inside the data set's folder. */
  readonly file: string;
  readonly status: 'ok' | 'missing' | 'mismatch';
  /** SHA-256 found; absent if the file is missing. */
  readonly sha256?: string;
}

/** Result of {@link verifyDataset}. */
export interface Verification {
  readonly name: string;
  /** Folder that was checked; undefined if the data set is not on this machine, or built in. */
  readonly folder: string | undefined;
  /** True if every registered file is there and as it must be. */
  readonly isOk: boolean;
  readonly files: readonly VerifiedFile[];
}

/**
 * Reads every registered file of a data set and compares its SHA-256.
 *
 * @param roots - folders to search. @defaultValue {@link dataRoots}
 * @throws {@link OptionError} for an unknown name.
 */
export async function verifyDataset(
  name: string,
  { roots = dataRoots() }: { readonly roots?: readonly string[] } = {},
): Promise<Verification> {
  const { files } = registered('verifyDataset', name);
  const folder = findDatasetFolder(name, roots);
  const checked: VerifiedFile[] = [];
  for (const [file, expected] of Object.entries(files)) {
    const sha256 = folder === undefined ? undefined : await checksum(join(folder, file));
    if (sha256 === undefined) checked.push({ file, status: 'missing' });
    else checked.push({ file, status: sha256 === expected.sha256 ? 'ok' : 'mismatch', sha256 });
  }
  return { name, folder, isOk: checked.every(({ status }) => status === 'ok'), files: checked };
}

/**
 * Throws unless the files that are in `folder` are as registered. Files that are not there are left to their reader.
 *
 * @throws {@link DataError} that names the first file that differs, with both checksums.
 */
export async function checkFolder(
  name: string,
  folder: string,
  files: Readonly<Record<string, RegisteredFile>>,
): Promise<void> {
  for (const [file, expected] of Object.entries(files)) {
    if (file.includes('/')) continue; // original files that loading does not touch
    const sha256 = await checksum(join(folder, file));
    if (sha256 !== undefined && sha256 !== expected.sha256) {
      throw new DataError(
        `${join(folder, file)}: SHA-256 must be ${expected.sha256}, got ${sha256}; ` +
          `the file is damaged, get it again, or rename the folder if ${name} was changed on purpose`,
        { file, expected: expected.sha256, got: sha256 },
      );
    }
  }
}

/** SHA-256 of a file in hexadecimal, or undefined if it does not exist. */
async function checksum(path: string): Promise<string | undefined> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(path), hash);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new DataError(`${path}: cannot be read (${(cause as Error).message})`, { file: path }, { cause });
  }
  return hash.digest('hex');
}
