/**
 * Program: `snapshotRun.js JSON` samples epochs of batches from a graph on the drive, read past the page cache, and prints seconds
 * per batch, refreshes included. Then it trains with the same sampler and prints the accuracy.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Rng, StorageDevice } from '@strata-ml/core';
import { loadNodeDataset, randomSplit } from '@strata-ml/datasets';
import { AdjacencyStore, SnapshotSampler, type SnapshotTrainOptions, trainGnn } from '@strata-ml/gnn-dist';
import { messageGraph } from '@strata-ml/graph';

interface Plan {
  readonly data: string;
  readonly fanouts: readonly number[];
  readonly batchSize: number;
  /** Epochs of sampling that are timed and counted. */
  readonly epochs: number;
  readonly trainEpochs: number;
  /** Runs of training whose accuracy is averaged. */
  readonly seeds: readonly number[];
  readonly sampler: Omit<SnapshotTrainOptions, 'fanouts' | 'batchSize'>;
  /** Caches of whole lists get the bytes that this sampler takes. */
  readonly sizeOf: SnapshotTrainOptions;
}

const { data, fanouts, batchSize, epochs, trainEpochs, seeds, sampler, sizeOf } = JSON.parse(
  process.argv[2] ?? '{}',
) as Plan;
const folder = mkdtempSync(join(process.env.STRATA_BENCH_DIR ?? tmpdir(), 'strata-snapshot-'));
const device = await StorageDevice.open(folder);
try {
  const set = await loadNodeDataset(data);
  const { features } = set;
  if (features.kind === 'none') throw new Error(`${data} has no features`);
  const n = set.graph.numVertices;
  // Published splits with a few vertices per class make no batches.
  const published = set.splits.find(({ train }) => train.length > n / 4);
  const split = published ?? randomSplit(n, (v) => set.labels[v]! >= 0, new Rng(1));
  const graph = messageGraph(set.graph);
  const budgetBytes = new SnapshotSampler(AdjacencyStore.inMemory(graph), { ...sizeOf, fanouts }).stats().cacheBytes;
  const options = { ...sampler, fanouts, batchSize, budgetBytes };

  const store = AdjacencyStore.create(device, 'graph', graph);
  const sampled = new SnapshotSampler(store, { ...options, trainVertices: split.train, trackCoverage: true });
  const { setupBytes } = sampled.stats();
  const steps = Math.ceil(split.train.length / batchSize);
  let seconds = 0;
  for (let epoch = 0; epoch < epochs; epoch++) {
    const order = new Rng(1).split('bench', epoch).permutation(split.train.length);
    for (let step = 0; step < steps; step++) {
      const part = order.subarray(step * batchSize, (step + 1) * batchSize);
      const batch = Int32Array.from(part, (i) => split.train[i]!).sort();
      const start = performance.now();
      sampled.sample(batch);
      seconds += (performance.now() - start) / 1000;
    }
  }
  const stats = sampled.stats();
  const batches = epochs * steps;

  let accuracy = 0;
  for (const seed of seeds) {
    const model = { model: 'sage', layers: fanouts.length, hidden: 64 } as const;
    const run = {
      model,
      seed,
      epochs: trainEpochs,
      evalEvery: trainEpochs,
      mode: 'snapshot',
      snapshot: options,
    } as const;
    const report = await trainGnn({ ...set, features, split }, run);
    accuracy += report.metrics.testAccuracy / seeds.length;
  }
  const extra = {
    'read KB per batch': (stats.storageBytes - setupBytes) / batches / 1e3,
    'read KB at setup': setupBytes / 1e3,
    'cache KB': stats.cacheBytes / 1e3,
    hits: stats.hits,
    stale: stats.staleShare,
    coverage: stats.coverage,
    ...(seeds.length > 0 ? { 'test accuracy': accuracy } : {}),
    mode: device.mode,
  };
  console.log(JSON.stringify({ value: seconds / batches, extra }));
  store.close();
} finally {
  await device.close();
  rmSync(folder, { recursive: true, force: true });
}
