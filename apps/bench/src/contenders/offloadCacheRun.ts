/**
 * Program: `offloadCacheRun.js GRAPH PARTS SHARE POLICY` plays an epoch of training from storage with a cache policy, without a
 * drive, and prints the seconds that its reads take at 1 GB/s, with the counts.
 */
import { readFileSync } from 'node:fs';
import { initEngine } from '@strata-ml/core';
import { loadNodeDataset } from '@strata-ml/datasets';
import { partition } from '@strata-ml/graph';
import { type OffloadOptions, planMemory, shapeOfPartition } from '@strata-ml/storage-offload';
import { filesOf, type GraphFacts, makeGraph, readCached } from './partitionGraphs.js';

const [name = '', parts = '16', share = '0.5', policy = 'belady'] = process.argv.slice(2);
const DRIVE_BYTES_PER_SECOND = 1e9;
const model = { model: 'gcn', layers: 3, hidden: 128 } as const;

await initEngine();
await makeGraph(name);
const graph = readCached(name, JSON.parse(readFileSync(filesOf(name).facts, 'utf8')) as GraphFacts);
const isGenerated = name.startsWith('rmat');
const { numFeatures: featureWidth, numClasses: classes } = isGenerated
  ? { numFeatures: 128, numClasses: 16 }
  : await loadNodeDataset(name);
const partOf = partition(graph, Number(parts), { method: 'switching' });
const shape = shapeOfPartition({ graph, partOf, parts: Number(parts), featureWidth, classes, weights: 'gcn' });
const { host } = await planMemory(shape, { model });
const hostMemory = Math.max(host.minimumBytes, Number(share) * host.residentBytes);
const cachePolicy = policy as NonNullable<OffloadOptions['cachePolicy']>;
const { epoch } = await planMemory(shape, { model, hostMemory, cachePolicy });
const { counters, peakBytes } = epoch!;
const extra = {
  misses: counters.misses,
  hits: counters.hits,
  'read MB': counters.bytesRead / 1e6,
  'written MB': counters.bytesWritten / 1e6,
  'held MB': peakBytes / 1e6,
  'budget MB': hostMemory / 1e6,
};
console.log(JSON.stringify({ value: counters.bytesRead / DRIVE_BYTES_PER_SECOND, extra }));
