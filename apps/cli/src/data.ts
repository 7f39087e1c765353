/** A data set made ready for training: one split, features of some kind, labels. */
import { OptionError } from '@strata-ml/core';
import type { NodeDataset, Split } from '@strata-ml/datasets';
import type { GraphData } from '@strata-ml/gnn-dist';
import type { Command } from 'commander';
import { choice, integer } from './options.js';
import { count } from './output/format.js';
import type { Output } from './output/Output.js';

/** Values of the flags that {@link addDataFlags} adds. */
export interface DataFlags {
  readonly data: string;
  readonly split?: number | 'random';
  readonly features?: 'given' | 'degree';
  readonly seed: number;
}

/** Adds `--data`, `--split` and `--features`. */
export function addDataFlags(command: Command): Command {
  return command
    .requiredOption('--data <name>', 'name of a data set, a folder in the same layout, or a graph file')
    .option('--split <n>', 'which of the published splits, from 0, or random', readSplit)
    .option('--features <kind>', 'given, or degree: one-hot of the degree', choice('--features', ['given', 'degree']));
}

/** A data set and the one split to use. */
export type TrainingData = GraphData & { readonly split: Split };

/**
 * Loads what `--data` names and says what it is.
 *
 * @throws {@link OptionError} for an unknown name, a split that is not there, or data without labels.
 */
export async function loadTrainingData(flags: DataFlags, output: Output): Promise<TrainingData> {
  const { loadNodeDataset } = await import('@strata-ml/datasets');
  const options = { seed: flags.seed, ...(flags.split === undefined ? {} : { split: flags.split }) };
  let dataset = await loadNodeDataset(flags.data, { ...options, features: flags.features ?? 'given' });
  if (dataset.features.kind === 'none') {
    output.note(`${dataset.name} has no features: the degree of each vertex is used instead (--features degree)`);
    dataset = await loadNodeDataset(flags.data, { ...options, features: 'degree' });
  }
  const { features, graph, numClasses, splits } = dataset;
  const [split] = splits;
  if (numClasses === 0 || !split || features.kind === 'none') {
    throw new OptionError(
      'gnn',
      '--data',
      flags.data,
      'a labelled data set',
      '`strata data list` shows which there are',
    );
  }
  describeData(dataset, split, output);
  return { ...dataset, graph, features, split };
}

function describeData(
  { name, graph, numFeatures, numClasses, multiLabels }: NodeDataset,
  split: Split,
  output: Output,
): void {
  const facts = [
    `${count(graph.numVertices)} vertices`,
    `${count(graph.indices.length / 2)} edges`,
    `${count(numFeatures)} features`,
    `${count(numClasses)} ${multiLabels ? 'labels' : 'classes'}`,
    `${count(split.train.length)} / ${count(split.val.length)} / ${count(split.test.length)} to train / validate / test`,
  ];
  output.print(`${name}: ${facts.join(' · ')}`);
}

function readSplit(text: string): number | 'random' {
  return text === 'random' ? 'random' : integer('--split', { min: 0 })(text);
}
