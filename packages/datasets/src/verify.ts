/** Compares a data set's files with the checksums of the registry. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { DataError } from '@strata-ml/core';
import { type RegisteredFile, registered } from './registry/registry.js';
import { dataRoots, findDatasetFolder } from './roots.js';

/** What {@link verifyDataset} found about one file. */
export interface VerifiedFile {
  /** Path inside the data set's folder. */
  readonly file: string;
  readonly status: 'ok' | 'missing' | 'mismatch';
  /** True for originals that are kept beside the data set and that nothing loads; they may be missing. */
  readonly isOptional: boolean;
  /** SHA-256 found; absent if the file is missing. */
  readonly sha256?: string;
}

/** Result of {@link verifyDataset}. */
export interface Verification {
  readonly name: string;
  /** Folder that was checked; undefined if the data set is not on this machine, or built in. */
  readonly folder: string | undefined;
  /** True if every file that is not optional is there, and all are as they must be. */
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
    const found = folder === undefined ? ({ status: 'missing' } as const) : await check(join(folder, file), expected);
    checked.push({ file, isOptional: isOptional(file), ...found });
  }
  const isFine = ({ status, isOptional }: VerifiedFile) => status === 'ok' || (status === 'missing' && isOptional);
  return { name, folder, isOk: checked.every(isFine), files: checked };
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
    if (isOptional(file)) continue;
    const { status, sha256 } = await check(join(folder, file), expected);
    if (status === 'mismatch') {
      throw new DataError(
        `${join(folder, file)}: SHA-256 must be ${expected.sha256}, got ${sha256}; ` +
          `the file is damaged, get it again, or rename the folder if ${name} was changed on purpose`,
        { file, expected: expected.sha256, got: sha256 },
      );
    }
  }
}

/** Originals are in a folder of their own. */
function isOptional(file: string): boolean {
  return file.startsWith('original/');
}

/** Compares one file: its bytes, or, for a file that was compressed again, its content. */
async function check(path: string, expected: RegisteredFile): Promise<Pick<VerifiedFile, 'status' | 'sha256'>> {
  const sha256 = await checksum(path);
  if (sha256 === undefined) return { status: 'missing' };
  if (sha256 === expected.sha256) return { status: 'ok', sha256 };
  const content = expected.contentSha256 === undefined ? undefined : await checksum(path, createGunzip());
  return { status: content !== undefined && content === expected.contentSha256 ? 'ok' : 'mismatch', sha256 };
}

/** SHA-256 in hexadecimal, or undefined if the file does not exist or does not uncompress. */
async function checksum(path: string, transform: Transform = new PassThrough()): Promise<string | undefined> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(path), transform, hash);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? '';
    if (code === 'ENOENT' || code.startsWith('Z_')) return undefined;
    throw new DataError(`${path}: cannot be read (${(cause as Error).message})`, { file: path }, { cause });
  }
  return hash.digest('hex');
}
