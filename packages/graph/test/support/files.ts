/** Temporary files, and the real data folder if there is one. */
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll } from 'vitest';

const root = fileURLToPath(new URL('../../../../', import.meta.url));

/** Folder with the data sets; `STRATA_DATA` or `../shared/data` beside the repository. */
export const dataFolder = process.env.STRATA_DATA ?? join(root, '../shared/data');
/** Whether a data set is there; tests that need it are skipped otherwise. */
export const hasData = (name: string) => existsSync(join(dataFolder, name));

/** A folder that is removed after the tests of the file. */
export function temporaryFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'strata-graph-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  let count = 0;
  return {
    folder,
    /** Path of a new file with this content, compressed if the name ends in .gz. */
    file(content: string | Uint8Array, name = 'graph.txt'): string {
      const path = join(folder, `${count++}-${name}`);
      writeFileSync(path, name.endsWith('.gz') ? gzipSync(content) : content);
      return path;
    },
    /** Path of a file that does not exist yet. */
    path: (name: string) => join(folder, `${count++}-${name}`),
    /** Names in the folder that a failed write may not leave. */
    leftovers: () => readdirSync(folder).filter((name) => name.endsWith('.tmp')),
  };
}

/** The message of the error a promise rejects with, and the error. */
export async function failureOf(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => {
      throw new Error('expected a rejection');
    },
    (error: Error) => error,
  );
}
