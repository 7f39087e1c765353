/** The folder of a registered data set that must be here. */
import { OptionError } from '@strata-ml/core';
import { dataRoots, findDatasetFolder } from '../roots.js';

/** @throws {@link OptionError} that says how to get it, if it is not on this machine. */
export function folderOf(where: string, name: string, roots: readonly string[] = dataRoots()): string {
  const folder = findDatasetFolder(name, roots);
  if (folder !== undefined) return folder;
  throw new OptionError(
    where,
    'data set',
    name,
    'on this machine',
    `not found in ${roots.join(', ')}; \`strata data fetch ${name}\` says where to get it`,
  );
}
