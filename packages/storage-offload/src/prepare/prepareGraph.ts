/**
 * Prepares a graph for training from storage: cut into partitions, renamed so that each is a range of ids, and written as
 * one bipartite block of edges and one block of features per partition.
 *
 * Self-loops are added and weights computed on the whole graph before it is split. The graph is never in memory whole: a
 * pass counts, a pass scatters, each partition's run is sorted alone.
 */
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { DataError, OptionError, StorageDevice } from '@strata-ml/core';
import type { GraphStore } from '../store/GraphStore.js';
import { type GraphStoreMeta, hasStore, readMeta, STORE_FORMAT, writeMeta } from '../store/meta.js';
import { openGraphStore } from '../store/openGraphStore.js';
import { writeVertexTable } from '../store/vertexTable.js';
import { buildTopology } from './buildTopology.js';
import { type ChosenPartition, choosePartition } from './choosePartition.js';
import { EdgeBuckets } from './EdgeBuckets.js';
import { type EdgeStream, fileStream, graphStream } from './EdgeStream.js';
import { hashOf } from './FeatureRows.js';
import { checkGraphSource, checkPrepareOptions, type GraphSource, type PrepareOptions } from './options.js';
import { checkPrepareBudget, preparePeakBytes } from './prepareMemory.js';
import { vertexOrder } from './VertexOrder.js';
import { writeFeatures } from './writeFeatures.js';

/** Bytes that collect edges on their way into their runs. */
const SCATTER_BYTES = 4 * 2 ** 20;

/**
 * Prepares `source` in `options.folder` and opens the result; a folder that holds it already is only opened.
 *
 * The folder appears whole or not at all. Cost: two passes over the edges, O(E log degree); memory is bounded by
 * `hostMemory`, and holds one partition and about 31 bytes per vertex.
 *
 * @throws {@link OptionError} for an option out of range, a budget below what is needed (the message says how much), or a
 * folder that holds something else.
 * @throws {@link DataError} if the folder holds a graph prepared from other data or with other options, unless `replace`.
 * @throws `NonFiniteError` for a feature that is NaN or infinite; `AbortedError`; `StorageError`.
 */
export async function prepareGraph(source: GraphSource, options: PrepareOptions): Promise<GraphStore> {
  checkPrepareOptions(options);
  const { folder, replace = false, signal } = options;
  const stream = 'path' in source.graph ? await fileStream(source.graph, signal) : graphStream(source.graph);
  checkGraphSource(source, stream.vertices);
  const hashes = {
    graph: stream.hash,
    features: source.features.identity,
    labels: hashOf(
      source.labels ?? new Int32Array(0),
      ...(source.split ? [source.split.train, source.split.val, source.split.test] : []),
    ),
  };
  const key = storeKey(stream, hashes, options);
  if (!replace && (await isPrepared(folder, key))) return openGraphStore(folder, driveOptions(options));
  const parent = dirname(resolve(folder));
  const temporary = join(parent, `.${basename(folder)}.${randomUUID().slice(0, 8)}.tmp`);
  await mkdir(temporary, { recursive: true });
  try {
    await build(source, stream, temporary, { key, hashes }, options);
    if (replace) await rm(folder, { recursive: true, force: true });
    await rename(temporary, folder);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  return openGraphStore(folder, driveOptions(options));
}

async function build(
  source: GraphSource,
  stream: EdgeStream,
  folder: string,
  { key, hashes }: Pick<GraphStoreMeta, 'key' | 'hashes'>,
  options: PrepareOptions,
): Promise<void> {
  const { parts, weights = 'gcn', hostMemory = Number.POSITIVE_INFINITY, signal, onProgress } = options;
  const started = performance.now();
  onProgress?.({ phase: 'partition', done: 0, total: 1 });
  const chosen = await choosePartition(stream, parts, options.partition ?? {}, hostMemory, signal);
  const order = vertexOrder(chosen.partOf, parts, stream.vertices);
  const partOf = (v: number) => chosen.partOf[v]!;
  const buckets = await EdgeBuckets.count(stream, partOf, parts, folder, signal);
  const peakBytes = preparePeakBytes(buckets, order, source.features.columns);
  checkPrepareBudget(peakBytes, hostMemory, parts);
  const device = await StorageDevice.open(folder, {
    ...driveOptions(options),
    ...(options.blockSize === undefined ? {} : { chunkBytes: options.blockSize }),
  });
  try {
    try {
      onProgress?.({ phase: 'sort', done: 0, total: 1 });
      await buckets.scatter(stream, partOf, order, SCATTER_BYTES, signal);
      const topology = await buildTopology(device, buckets, order, {
        weights,
        signal,
        onPartition: (phase, done) => onProgress?.({ phase, done, total: parts }),
      });
      const labels = orderedLabels(source, order.order);
      writeVertexTable(device, stream.vertices, { order: order.order, ...labels });
      await writeFeatures(device, source.features, order, signal, (done) =>
        onProgress?.({ phase: 'features', done, total: parts }),
      );
      const { edges, nonZeros, expandedRows, ...quality } = topology;
      const offsets = Array.from(order.offsets);
      await writeMeta(folder, {
        formatVersion: STORE_FORMAT,
        key,
        vertices: stream.vertices,
        edges,
        parts,
        featureWidth: source.features.columns,
        classes: source.classes ?? Math.max(-1, ...maximum(labels.labels)) + 1,
        offsets,
        expandedRows,
        nonZeros,
        weights,
        blockSize: device.chunkBytes,
        hashes,
        partitioner: partitionerFacts(chosen, quality, offsets, nonZeros),
        preparation: {
          seconds: (performance.now() - started) / 1000,
          peakBytes,
          hostBudget: Number.isFinite(hostMemory) ? hostMemory : null,
        },
      });
    } finally {
      await buckets.close();
    }
  } finally {
    await device.close();
  }
}

const driveOptions = ({ mode = 'auto', workers = 4 }: PrepareOptions) => ({ mode, workers });

/** Largest element, if there is one. */
function maximum(values: Int32Array): readonly number[] {
  return values.length === 0 ? [] : [values.reduce((a, b) => Math.max(a, b))];
}

function partitionerFacts(
  { method, seed, seconds }: ChosenPartition,
  quality: Pick<GraphStoreMeta['partitioner'], 'alpha' | 'rho' | 'cutEdges'>,
  offsets: readonly number[],
  nonZeros: readonly number[],
): GraphStoreMeta['partitioner'] {
  const sizes = nonZeros.map((_, p) => offsets[p + 1]! - offsets[p]!);
  const overMean = (values: readonly number[]) =>
    (Math.max(...values) * values.length) / values.reduce((a, b) => a + b, 0);
  return { method, seed, ...quality, balance: overMean(sizes), edgeBalance: overMean(nonZeros), seconds };
}

/** Labels and masks in the new order. */
function orderedLabels({ labels, split }: GraphSource, order: Int32Array) {
  const mask = (ids: Int32Array | undefined) => {
    const old = new Uint8Array(order.length);
    for (const v of ids ?? []) old[v] = 1;
    return Uint8Array.from(order, (v) => old[v]!);
  };
  return {
    labels: labels ? Int32Array.from(order, (v) => labels[v]!) : new Int32Array(order.length).fill(-1),
    trainMask: mask(split?.train),
    valMask: mask(split?.val),
    testMask: mask(split?.test),
  };
}

/** Everything that the files depend on. */
function storeKey(
  { vertices, edges, symmetrize }: EdgeStream,
  hashes: GraphStoreMeta['hashes'],
  { parts, partition = {}, weights = 'gcn', blockSize = 2 ** 20, hostMemory }: PrepareOptions,
): string {
  const { method = 'auto', seed = 1, balance } = partition instanceof Int32Array ? {} : partition;
  const cut =
    partition instanceof Int32Array
      ? { given: hashOf(partition) }
      : // Where the partitioner is chosen by the budget, the budget is part of the choice.
        { method, seed, balance, ...(method === 'auto' ? { hostMemory } : {}) };
  const facts = { version: STORE_FORMAT, vertices, edges, symmetrize, hashes, parts, cut, weights, blockSize };
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex').slice(0, 32);
}

/** True if the folder holds what would be made; throws if it holds anything else. */
async function isPrepared(folder: string, key: string): Promise<boolean> {
  if (await hasStore(folder)) {
    const meta = await readMeta(folder);
    if (meta.key === key) return true;
    throw new DataError(
      `${folder}: holds a graph prepared from other data or with other options (${meta.parts} parts by ${meta.partitioner.method}); choose another folder, or replace it`,
      { folder, key, found: meta.key },
    );
  }
  const entries = await readdir(folder).catch(() => []);
  if (entries.length === 0) return false;
  throw new OptionError('prepareGraph', 'folder', folder, 'new, empty or a prepared graph', 'choose another folder');
}
