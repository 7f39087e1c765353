/** Program: `accuracyRun.js JSON` trains with several seeds and prints mean test accuracy (at best validation) and seconds per run. */
import { performance } from 'node:perf_hooks';
import { loadNodeDataset } from '@strata-ml/datasets';
import { type DisaggregatedOptions, type TrainOptions, trainDisaggregated, trainGnn } from '@strata-ml/gnn-dist';

interface Plan {
  readonly data: string;
  readonly seeds: readonly number[];
  readonly train?: TrainOptions;
  /** Instead of `train`. */
  readonly pipeline?: DisaggregatedOptions;
}

const { data, seeds, train, pipeline } = JSON.parse(process.argv[2] ?? '{}') as Plan;
const set = await loadNodeDataset(data);
const { features } = set;
const split = set.splits[0];
if (features.kind === 'none' || !split) throw new Error(`${data} has no features or no split`);
const accuracies: number[] = [];
const start = performance.now();
for (const seed of seeds) {
  const task = { ...set, features, split };
  const { metrics } = pipeline
    ? await trainDisaggregated(task, { ...pipeline, seed })
    : await trainGnn(task, { ...train, seed });
  accuracies.push(100 * metrics.testAccuracy);
}
const seconds = (performance.now() - start) / 1000 / seeds.length;
const mean = accuracies.reduce((sum, a) => sum + a, 0) / accuracies.length;
const deviation = Math.sqrt(
  accuracies.reduce((sum, a) => sum + (a - mean) ** 2, 0) / Math.max(1, accuracies.length - 1),
);
const extra = { 'test accuracy %': mean, '± %': deviation, runs: seeds.length };
console.log(JSON.stringify({ value: seconds, extra }));
