/** Gets a data set from its public source into the user's cache. */

import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { DataError, OptionError } from '@strata-ml/core';
import { builtInName, type RegisteredFile, registered } from '../registry/registry.js';
import { cacheRoot, dataRoots, findDatasetFolder } from '../roots.js';
import { NetworkError } from './NetworkError.js';
import { fetchInstructions, recipes, type Sources } from './recipes.js';

const gzipAsync = promisify(gzip);

/** Options of {@link fetchDataset}. */
export interface FetchOptions {
  /** Folder that gets the data set's folder. @defaultValue the user's cache */
  readonly root?: string;
  /** Folders where it may be already. @defaultValue {@link dataRoots} */
  readonly roots?: readonly string[];
  /** Stops the download. */
  readonly signal?: AbortSignal;
  /** Called before each file. */
  readonly onProgress?: (file: { readonly url: string; readonly index: number; readonly count: number }) => void;
  /** How to ask for an address. @defaultValue `globalThis.fetch` */
  readonly fetch?: typeof globalThis.fetch;
}

/** Result of {@link fetchDataset}. */
export interface FetchReport {
  readonly name: string;
  /** Where it is now; undefined for the built-in one. */
  readonly folder: string | undefined;
  /** False if it was there before, and nothing was downloaded. */
  readonly isNew: boolean;
  /** Bytes downloaded. */
  readonly bytes: number;
}

/**
 * Downloads a data set from the source named in its description, converts it, checks every file against its checksum
 * and only then moves the folder into place. Does nothing if the data set is on this machine.
 *
 * @throws {@link OptionError} for an unknown name, and, with instructions, for a data set that cannot be fetched so.
 * @throws {@link NetworkError} if a download fails.
 * @throws {@link DataError} if the source no longer holds what it did.
 */
export async function fetchDataset(name: string, options: FetchOptions = {}): Promise<FetchReport> {
  const { files } = registered('fetchDataset', name);
  const { roots = dataRoots(), root = cacheRoot(), onProgress } = options;
  const present = findDatasetFolder(name, [...roots, root]);
  if (present !== undefined || name === builtInName) return { name, folder: present, isNew: false, bytes: 0 };
  const folder = join(root, name);
  const recipe = Object.hasOwn(recipes, name) ? recipes[name] : undefined;
  if (!recipe) {
    const able = Object.keys(recipes).join(', ');
    throw new OptionError('fetchDataset', 'data set', name, `one of ${able}`, fetchInstructions(name, folder));
  }
  const sources: Record<string, Buffer> = {};
  const addresses = Object.entries(recipe.sources);
  for (const [index, [key, url]] of addresses.entries()) {
    onProgress?.({ url, index, count: addresses.length });
    sources[key] = await download(url, options);
  }
  await writeFolder(name, folder, files, recipe.make(sources as Sources));
  return { name, folder, isNew: true, bytes: Object.values(sources).reduce((sum, { length }) => sum + length, 0) };
}

async function download(url: string, { signal, fetch = globalThis.fetch }: FetchOptions): Promise<Buffer> {
  try {
    const response = await fetch(url, signal ? { signal } : {});
    if (!response.ok) throw new Error(`status ${response.status} ${response.statusText}`.trim());
    return Buffer.from(await response.arrayBuffer());
  } catch (cause) {
    signal?.throwIfAborted();
    const { message, cause: deeper } = cause as Error;
    const detail = deeper instanceof Error ? `${message}: ${deeper.message}` : message;
    throw new NetworkError(url, detail, { cause });
  }
}

/** Writes a data set's files beside `folder` and renames them into place once all agree with the registry. */
async function writeFolder(
  name: string,
  folder: string,
  files: Readonly<Record<string, RegisteredFile>>,
  contents: Readonly<Record<string, Uint8Array>>,
): Promise<void> {
  await mkdir(join(folder, '..'), { recursive: true });
  const temporary = await mkdtemp(`${folder}.tmp-`);
  try {
    for (const [plain, content] of Object.entries(contents)) {
      const file = `${plain}.gz` in files ? `${plain}.gz` : plain;
      const expected = files[file]?.contentSha256 ?? files[file]?.sha256;
      const got = createHash('sha256').update(content).digest('hex');
      if (got !== expected) {
        throw new DataError(
          `fetchDataset: ${name}/${basename(plain)} must have SHA-256 ${expected}, got ${got}; the source has changed`,
          { file, expected, got },
        );
      }
      await writeFile(join(temporary, file), file.endsWith('.gz') ? await gzipAsync(content, { level: 9 }) : content);
    }
    await rename(temporary, folder);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}
