/** Lists and describes the registered data sets. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type DatasetMeta, readMeta } from './format/meta.js';
import { builtInName, type RegisteredDataset, registered, registeredNames } from './registry/registry.js';
import { dataRoots, findDatasetFolder } from './roots.js';

/** One row of {@link listDatasets}. */
export interface DatasetSummary {
  readonly name: string;
  readonly title: string;
  /** `graph`, `images`, `text`, `prices`, … */
  readonly kind: string;
  /** Counts, in one line. */
  readonly content: string;
  readonly licence: string;
  /** Size of all files as stored. */
  readonly bytes: number;
  /** Where it is on this machine, `built in`, or undefined if it is not here. */
  readonly location: string | undefined;
  /** True if {@link loadNodeDataset} takes it. */
  readonly isNodeDataset: boolean;
}

/** Everything known about one data set. */
export interface DatasetInfo extends DatasetSummary, Pick<RegisteredDataset, 'licenceDetails' | 'source' | 'files'> {
  /** Content of its `meta.json`, if it is here and has one. */
  readonly meta: DatasetMeta | undefined;
}

/**
 * Lists the registered data sets, the built-in one first; reads no data.
 *
 * @param roots - folders to search. @defaultValue {@link dataRoots}
 */
export function listDatasets({ roots = dataRoots() }: { readonly roots?: readonly string[] } = {}): DatasetSummary[] {
  return registeredNames().map((name) => summary(name, registered('listDatasets', name), roots));
}

/**
 * Describes one data set.
 *
 * @throws {@link OptionError} with the closest names if the name is unknown.
 */
export async function datasetInfo(
  name: string,
  { roots = dataRoots() }: { readonly roots?: readonly string[] } = {},
): Promise<DatasetInfo> {
  const entry = registered('datasetInfo', name);
  const row = summary(name, entry, roots);
  const hasMeta = row.location !== undefined && existsSync(join(row.location, 'meta.json'));
  const { licenceDetails, source, files } = entry;
  return { ...row, licenceDetails, source, files, meta: hasMeta ? await readMeta(row.location!) : undefined };
}

function summary(name: string, entry: RegisteredDataset, roots: readonly string[]): DatasetSummary {
  const { title, kind, content, licence, files } = entry;
  return {
    name,
    title,
    kind,
    content,
    licence,
    bytes: Object.values(files).reduce((sum, file) => sum + file.bytes, 0),
    location: name === builtInName ? 'built in' : findDatasetFolder(name, roots),
    isNodeDataset: name === builtInName || 'meta.json' in files,
  };
}
