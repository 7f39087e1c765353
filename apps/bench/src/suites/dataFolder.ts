/** Where a data set is on this machine. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { dataRoots } from '@strata-ml/datasets';

/** The first root that holds the folder, joined with its name. */
export const dataFolder = (name: string): string | undefined =>
  dataRoots()
    .map((root) => join(root, name))
    .find((path) => existsSync(path));
