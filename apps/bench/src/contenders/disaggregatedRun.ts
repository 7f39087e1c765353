/** Program: `disaggregatedRun.js JSON` trains and prints the median epoch and where the time of the workers went. */
import { Rng } from '@strata-ml/core';
import { loadNodeDataset, randomSplit } from '@strata-ml/datasets';
import { type DisaggregatedOptions, trainDisaggregated } from '@strata-ml/gnn-dist';

const { data, ...options } = JSON.parse(process.argv[2] ?? '{}') as { data: string } & DisaggregatedOptions;
const set = await loadNodeDataset(data);
const { features } = set;
if (features.kind === 'none') throw new Error(`${data} has no features`);
// The usual splits of these graphs train on a few vertices per class, which make few batches.
const split = randomSplit(set.graph.numVertices, (v) => set.labels[v]! >= 0, new Rng(1));
const { metrics, stats } = await trainDisaggregated({ ...set, features, split }, options);
const mean = (values: readonly number[]) => values.reduce((sum, v) => sum + v, 0) / Math.max(1, values.length);
const extra = {
  'compute idle share': metrics.computeIdleShare,
  'compute share': mean(stats.computeWorkers.map((w) => w.compute)),
  'preparing share': mean(stats.computeWorkers.map((w) => w.prepare)),
  'sync share': mean(stats.computeWorkers.map((w) => w.sync)),
  'batch workers busy': mean(stats.batchWorkers.map((w) => w.sample + w.slice)),
  'queue full': mean(stats.batchWorkers.map((w) => w.blocked)),
  'batches / epoch': metrics.batchesPerEpoch,
  'batch workers needed': metrics.balance.batchWorkersNeeded,
  'models equal': new Set(metrics.parametersHashes).size === 1 ? 'yes' : 'NO',
  'test accuracy %': 100 * metrics.testAccuracy,
};
console.log(JSON.stringify({ value: metrics.epochSeconds.median, extra }));
