/** Loads a graph data set by name, from a folder, or from a graph file. */
import { existsSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { DataError, OptionError, Rng } from '@strata-ml/core';
import { readGraph, symmetrizeGraph } from '@strata-ml/graph';
import { readEdges } from './format/edges.js';
import { degreeFeatures, readFeatures } from './format/features.js';
import { type Labels, labelTest, noLabels, readLabels } from './format/labels.js';
import { readMeta } from './format/meta.js';
import { randomSplit, readSplits } from './format/splits.js';
import { karateDataset } from './karate.js';
import type { NodeDataset } from './NodeDataset.js';
import { builtInName, findRegistered, unknownDataset } from './registry/registry.js';
import { dataRoots, findDatasetFolder } from './roots.js';
import { checkFolder } from './verify.js';

/** Options of {@link loadNodeDataset}. */
export interface LoadOptions {
  /** Keep only this one of the published splits, from 0; or `'random'`: draw a 60/20/20 split. @defaultValue all */
  readonly split?: number | 'random';
  /** Seed of random splits. @defaultValue `1` */
  readonly seed?: number;
  /** `'given'`: those of the data set, or none. `'degree'`: one-hot of the degree's bucket. @defaultValue `'given'` */
  readonly features?: 'given' | 'degree';
  /** Compare the files of registered data sets with their checksums first. @defaultValue `true` */
  readonly verify?: boolean;
  /** Stops reading a graph file. */
  readonly signal?: AbortSignal;
  /** Folders to search for names. @defaultValue {@link dataRoots} */
  readonly roots?: readonly string[];
}

const where = 'loadNodeDataset';

/**
 * Loads a data set for vertex classification into shared memory.
 *
 * `nameOrPath` is a registered name (`cora`; `plain-graphs/wing` for a graph inside a collection), a folder in the same
 * layout (`meta.json`, `edges.i32.gz`, …), or a graph file: edge list, Matrix Market or METIS, also gzip-compressed,
 * which gives a graph without features and labels. Names win over paths of the same spelling; write `./cora` for the
 * path. Without a split file a random 60/20/20 split is drawn.
 *
 * @throws {@link OptionError} if nothing is found under the name (with the closest names), or an option is out of range.
 * @throws {@link DataError} that names the file and the first bad index if the data break the layout.
 *
 * @example
 * const { graph, numClasses } = await loadNodeDataset('karate');
 * [graph.numVertices, numClasses]; // => [34, 2]
 */
export async function loadNodeDataset(nameOrPath: string, options: LoadOptions = {}): Promise<NodeDataset> {
  const { features = 'given', seed = 1, split } = options;
  if (!['given', 'degree'].includes(features)) throw new OptionError(where, 'features', features, 'given or degree');
  if (!Number.isSafeInteger(seed)) throw new OptionError(where, 'seed', seed, 'an integer');
  const read = await readByNameOrPath(nameOrPath, options);
  const withFeatures = features === 'degree' ? { ...read, ...degreeFeatures(read.graph) } : read;
  return { ...withFeatures, splits: chooseSplits(withFeatures, split, new Rng(seed).split('split')) };
}

async function readByNameOrPath(nameOrPath: string, options: LoadOptions): Promise<NodeDataset> {
  if (nameOrPath === builtInName) return karateDataset();
  const { roots = dataRoots(), verify = true } = options;
  const entry = findRegistered(nameOrPath);
  if (entry) {
    const folder = findDatasetFolder(nameOrPath, roots);
    if (folder === undefined) {
      throw new OptionError(
        where,
        'data set',
        nameOrPath,
        'on this machine',
        `not found in ${roots.join(', ')}; \`strata data fetch ${nameOrPath}\` says where to get it`,
      );
    }
    if (!('meta.json' in entry.files)) {
      const collection = nameOrPath === 'plain-graphs' ? ', for example plain-graphs/wing' : '';
      throw new OptionError(
        where,
        'data set',
        nameOrPath,
        `one graph, and this holds ${entry.kind}`,
        `name a graph file inside it${collection}`,
      );
    }
    if (verify) await checkFolder(nameOrPath, folder, entry.files);
    return readFolder(folder, nameOrPath);
  }
  const member = findMember(nameOrPath, roots);
  if (member !== undefined) return readFile(member, nameOrPath, options);
  const path = resolve(nameOrPath);
  if (!existsSync(path)) throw unknownDataset(where, nameOrPath);
  return statSync(path).isDirectory() ? readFolder(path, basename(path)) : readFile(path, basename(path), options);
}

/** A graph file of a registered collection: `plain-graphs/wing` is plain-graphs/wing.tsv.gz. */
function findMember(name: string, roots: readonly string[]): string | undefined {
  const [collection = '', member] = name.split('/');
  const entry = findRegistered(collection);
  if (!entry || !member) return undefined;
  const file = Object.keys(entry.files).find((f) => f === member || f === `${member}.tsv.gz`);
  const folder = findDatasetFolder(collection, roots);
  return file !== undefined && folder !== undefined ? join(folder, file) : undefined;
}

async function readFolder(folder: string, name: string): Promise<NodeDataset> {
  const meta = await readMeta(folder);
  const graph = await readEdges(folder, meta);
  const labels = await readLabels(folder, meta);
  const features = await readFeatures(folder, meta.num_nodes, meta.num_features);
  const splits = await readSplits(folder, meta.num_nodes, labelTest(labels));
  return { name, source: folder, graph, ...features, ...labels, splits, meta };
}

async function readFile(path: string, name: string, { signal }: LoadOptions): Promise<NodeDataset> {
  const read = await readGraph(path, { selfLoops: 'drop', ...(signal ? { signal } : {}) });
  // A file may list directed edges; vertex classification here works on symmetric graphs.
  const graph = symmetrizeGraph(read.graph);
  if (graph.numVertices === 0) throw new DataError(`${path}: graph must have vertices, got none`, { file: path });
  return {
    name,
    source: path,
    graph,
    features: { kind: 'none' },
    numFeatures: 0,
    ...noLabels,
    splits: [],
    meta: { name, format: read.format, edges_in_file: read.edgesInFile },
  };
}

function chooseSplits(
  data: Labels & Pick<NodeDataset, 'graph' | 'splits' | 'name'>,
  split: number | 'random' | undefined,
  rng: Rng,
): NodeDataset['splits'] {
  if (data.numClasses === 0) {
    if (split === undefined || split === 'random') return [];
  } else if (split === 'random' || (split === undefined && data.splits.length === 0)) {
    return [randomSplit(data.graph.numVertices, labelTest(data), rng)];
  }
  if (split === undefined) return data.splits;
  const chosen = typeof split === 'number' ? data.splits[split] : undefined;
  if (!chosen) {
    const requirement = `'random' or an integer in 0 … ${data.splits.length - 1}, for ${data.name}`;
    throw new OptionError(where, 'split', split, data.splits.length > 0 ? requirement : `'random' for ${data.name}`);
  }
  return [chosen];
}
