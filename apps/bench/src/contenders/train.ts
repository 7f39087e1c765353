/** Program: `train.js JSON` trains as the options say and prints the median epoch seconds as a sample. */
import { loadNodeDataset } from '@strata-ml/datasets';
import { type TrainOptions, trainGnn } from '@strata-ml/gnn-dist';

const { data, ...options } = JSON.parse(process.argv[2] ?? '{}') as { data: string } & TrainOptions;
const set = await loadNodeDataset(data);
const { features } = set;
const split = set.splits[0];
if (features.kind === 'none' || !split) throw new Error(`${data} has no features or no split`);
const report = await trainGnn({ ...set, features, split }, options);
console.log(
  JSON.stringify({
    value: report.metrics.epochSeconds.median,
    extra: { 'test accuracy': report.metrics.testAccuracy, parameters: report.metrics.parameters },
  }),
);
