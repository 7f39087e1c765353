/** What `offload prepare` and `offload plan` read: a data set, or an edge file of any size. */
import { OptionError, Rng } from '@strata-ml/core';
import type { NodeDataset, Split } from '@strata-ml/datasets';
import type { CsrGraph } from '@strata-ml/graph';
import type { FeatureRows, GraphSource } from '@strata-ml/storage-offload';
import type { Command } from 'commander';
import { choice, integer } from '../../options.js';
import { count } from '../../output/format.js';
import type { Output } from '../../output/Output.js';
import type { ModelFlags } from '../gnn/trainFlags.js';

/** Values of the flags that {@link addSourceFlags} adds. */
export interface SourceFlags {
  readonly features?: string;
  readonly labels?: string;
  readonly split?: number | 'random';
  readonly featureNorm?: 'row' | 'none';
  readonly vertices?: number;
  readonly model: ModelFlags['model'];
  readonly seed: number;
}

/** A graph with features and labels, and what it is called. */
export interface NamedSource extends GraphSource {
  readonly name: string;
  /** The graph, unless it is a file that is streamed. */
  readonly inMemory: CsrGraph | undefined;
}

/** Adds what says where features, labels and splits come from. */
export function addSourceFlags(command: Command): Command {
  return command
    .option(
      '--features <what>',
      'given; degree: one-hot of the degree; random:COLUMNS; FILE:COLUMNS, raw float32 rows (default: given, edge files random:64)',
    )
    .option('--labels <what>', 'given, or random:CLASSES (default: given, edge files random:16)')
    .option('--split <n>', 'which of the published splits, from 0, or random', (text: string) =>
      text === 'random' ? text : integer('--split', { min: 0 })(text),
    )
    .option(
      '--feature-norm <how>',
      'row: rows sum to one, or none (default: row for gcn and gat, else none)',
      choice('--feature-norm', ['row', 'none']),
    )
    .option('--vertices <n>', 'vertices of an edge file (default: largest id + 1)', integer('--vertices', { min: 1 }));
}

/**
 * Loads what `--data` names. A binary edge file (.i32, .bin, .edges) is not read but streamed when it is used.
 *
 * @throws {@link OptionError} for a value that is none, or data without features or labels.
 */
export async function graphSource(
  data: string,
  flags: SourceFlags,
  output: Output,
  signal: AbortSignal,
): Promise<NamedSource> {
  const { isBinaryEdgePath } = await import('@strata-ml/graph');
  if (isBinaryEdgePath(data) && !data.endsWith('.gz')) return edgeFileSource(data, flags);
  const { loadNodeDataset } = await import('@strata-ml/datasets');
  const options = { seed: flags.seed, signal, ...(flags.split === undefined ? {} : { split: flags.split }) };
  const wanted = flags.features ?? 'given';
  let dataset = await loadNodeDataset(data, { ...options, features: wanted === 'degree' ? 'degree' : 'given' });
  if (wanted === 'given' && dataset.features.kind === 'none') {
    output.note(`${dataset.name} has no features: the degree of each vertex is used instead (--features degree)`);
    dataset = await loadNodeDataset(data, { ...options, features: 'degree' });
  }
  const { graph, name } = dataset;
  output.print(`${name}: ${count(graph.numVertices)} vertices · ${count(graph.indices.length / 2)} edges`);
  const features = (await synthetic(flags.features)) ?? (await givenFeatures(dataset, flags));
  return { name, inMemory: graph, graph, features, ...labelsOf(dataset, flags) };
}

async function edgeFileSource(path: string, flags: SourceFlags): Promise<NamedSource> {
  const { vertices, seed, labels = 'random:16' } = flags;
  const features = (await synthetic(flags.features ?? 'random:64'))!;
  if (!features) throw new OptionError('--features', 'value', flags.features, 'random:COLUMNS or FILE:COLUMNS here');
  const classes = randomClasses(labels);
  if (classes === undefined) throw new OptionError('--labels', 'value', labels, 'random:CLASSES for an edge file');
  const n = vertices ?? (await largestId(path)) + 1;
  return { name: path, inMemory: undefined, graph: { path, vertices: n }, features, ...randomLabels(n, classes, seed) };
}

async function largestId(path: string): Promise<number> {
  const { largestEdgeId } = await import('@strata-ml/storage-offload');
  return largestEdgeId(path);
}

/** Features that are not those of the data set; undefined for `given` and `degree`. */
async function synthetic(text: string | undefined): Promise<FeatureRows | undefined> {
  if (text === undefined || text === 'given' || text === 'degree') return undefined;
  const { fileFeatures, randomFeatures } = await import('@strata-ml/storage-offload');
  const [, where = '', columns = ''] = /^(.+):(\d+)$/.exec(text) ?? [];
  if (where === '') throw new OptionError('--features', 'value', text, 'given, degree, random:COLUMNS or FILE:COLUMNS');
  return where === 'random' ? randomFeatures(Number(columns)) : fileFeatures(where, Number(columns));
}

async function givenFeatures({ name, features, numFeatures }: NodeDataset, flags: SourceFlags): Promise<FeatureRows> {
  const { denseFeatures, sparseFeatures } = await import('@strata-ml/storage-offload');
  const { normaliseFeatures } = await import('@strata-ml/models');
  const norm = flags.featureNorm ?? (flags.model === 'gcn' || flags.model === 'gat' ? 'row' : 'none');
  const normed = normaliseFeatures(features, numFeatures, norm);
  if (normed.kind === 'dense') return denseFeatures(normed.values, numFeatures);
  if (normed.kind === 'csr') return sparseFeatures(normed.csr);
  throw new OptionError('--features', 'value', 'given', `in the data, and ${name} has none`, 'choose random:COLUMNS');
}

function labelsOf({ name, labels, numClasses, splits, graph }: NodeDataset, flags: SourceFlags): Partial<GraphSource> {
  const classes = randomClasses(flags.labels ?? 'given');
  if (classes !== undefined) return randomLabels(graph.numVertices, classes, flags.seed);
  const [split] = splits;
  if (labels.length === 0 || !split) {
    throw new OptionError('--labels', 'value', 'given', `in the data, and ${name} has none`, 'choose random:CLASSES');
  }
  return { labels, classes: numClasses, split };
}

function randomClasses(text: string): number | undefined {
  if (text === 'given') return undefined;
  const classes = /^random:([1-9]\d*)$/.exec(text)?.[1];
  if (classes === undefined) throw new OptionError('--labels', 'value', text, 'given or random:CLASSES');
  return Number(classes);
}

/** Labels that say nothing, and 60 % of the vertices to train, for timing on graphs that have none. */
function randomLabels(n: number, classes: number, seed: number) {
  const rng = new Rng(seed).split('labels');
  const labels = Int32Array.from({ length: n }, (_, v) => rng.intAt(classes, v));
  const ids: Record<keyof Omit<Split, 'description' | 'published'>, number[]> = { train: [], val: [], test: [] };
  for (let v = 0; v < n; v++) {
    const draw = rng.uniformAt(v, 1);
    ids[draw < 0.6 ? 'train' : draw < 0.8 ? 'val' : 'test'].push(v);
  }
  const split = { train: Int32Array.from(ids.train), val: Int32Array.from(ids.val), test: Int32Array.from(ids.test) };
  return { labels, classes, split };
}
