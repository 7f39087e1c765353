/** Where data sets are looked for on this machine. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

/**
 * Folders searched for data sets, in order: `STRATA_DATA`; `shared/data` beside the current folder and beside each of
 * its parents (so beside a repository, from anywhere inside it); the user's cache. They need not exist.
 *
 * @param environment - variables to read. @defaultValue `process.env`
 * @param folder - where to start walking up. @defaultValue the current folder
 */
export function dataRoots(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  folder: string = process.cwd(),
): string[] {
  const roots: string[] = [];
  if (environment.STRATA_DATA) roots.push(resolve(folder, environment.STRATA_DATA));
  for (let at = resolve(folder); ; at = dirname(at)) {
    const candidate = join(dirname(at), 'shared', 'data');
    if (existsSync(candidate)) roots.push(candidate);
    if (dirname(at) === at) break;
  }
  roots.push(cacheRoot(environment));
  return [...new Set(roots)];
}

/** Where fetched data sets go: `$XDG_CACHE_HOME/strata/data`, else `~/.cache/strata/data`. */
export function cacheRoot(environment: Readonly<Record<string, string | undefined>> = process.env): string {
  return join(environment.XDG_CACHE_HOME || join(homedir(), '.cache'), 'strata', 'data');
}

/** The first root that holds the data set's folder, joined with its name. */
export function findDatasetFolder(name: string, roots: readonly string[] = dataRoots()): string | undefined {
  return roots.map((root) => join(root, name)).find((folder) => existsSync(folder));
}
