import { appendFileSync, existsSync, mkdtempSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DataError, Rng, StorageDevice } from '@strata-ml/core';
import { dataRoots, loadNodeDataset } from '@strata-ml/datasets';
import { AdjacencyStore, SnapshotSampler, type SnapshotTrainOptions, trainGnn } from '@strata-ml/gnn-dist';
import { messageGraph } from '@strata-ml/graph';
import { expectClose } from '@strata-ml/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { awkwardGraph, flat } from './support/data.js';
import { type SageArrays, sageLoss } from './support/sageReference.js';
import { hubGraph, regularGraph } from './support/snapshotGraphs.js';

const hasCora = dataRoots().some((root) => existsSync(join(root, 'cora')));

let folder: string;
const devices: StorageDevice[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'strata-snapshot-'));
});
afterEach(async () => {
  for (const device of devices.splice(0)) await device.close();
  rmSync(folder, { recursive: true, force: true });
});

async function open(): Promise<StorageDevice> {
  const device = await StorageDevice.open(folder, { workers: 2 });
  devices.push(device);
  return device;
}

const edges = (...list: readonly (readonly [number, number])[]) => ({
  sources: Int32Array.from(list, ([u]) => u),
  destinations: Int32Array.from(list, ([, v]) => v),
});

describe('a store on a drive', () => {
  it('gives the lists and entries of the graph, and counts what the drive counts', async () => {
    const device = await open();
    // Two segments, and lists across the borders of pages and of segments.
    const graph = hubGraph(90, 13_001);
    const store = AdjacencyStore.create(device, 'graph', graph);
    const vertices = Int32Array.of(89, 3, 80, 0, 100, 81);
    const { indptr, sources } = store.readLists(vertices);
    vertices.forEach((v, i) => {
      const list = graph.indices.subarray(graph.indptr[v], graph.indptr[v + 1]);
      const found = sources.subarray(indptr[i], indptr[i + 1]);
      expect(found.length === list.length && found.every((u, k) => u === list[k]), `list ${v}`).toBe(true);
    });
    const positions = Int32Array.of(13_000, 0, 7_000, 1, 12_999);
    const found = store.readEntries(Int32Array.of(80, 5, 80), Int32Array.of(0, 2, 4, 5), positions);
    expect([...found]).toEqual([...positions]);
    const { bytesRead } = device.stats().byPurpose.find(({ purpose }) => purpose === 'adjacency')!;
    expect(store.traffic.storageBytes).toBe(bytesRead);
    expect(store.traffic.entryBytes).toBe(4 * (5 * 13_001 + 5));
    store.close();
  });

  it('keeps updates over a reopening; a record cut short by a crash is as if it had never been', async () => {
    const device = await open();
    const store = AdjacencyStore.create(device, 'graph', regularGraph(64));
    store.applyUpdates({ remove: edges([1, 0], [2, 0], [40, 0]), add: edges([50, 0], [3, 0]) });
    store.applyUpdates({ add: edges([1, 0]) });
    const expected = [1, ...Array.from({ length: 14 }, (_, k) => 3 + k), 50];
    const list = (s: AdjacencyStore) => [...s.readLists(Int32Array.of(0)).sources];
    expect(list(store)).toEqual(expected);
    store.close();
    appendFileSync(join(folder, 'graph.log'), Buffer.alloc(4096, 1));
    const reopened = AdjacencyStore.open(device, 'graph');
    expect(list(reopened)).toEqual(expected);
    reopened.close();
    truncateSync(join(folder, 'graph.log'), 4096);
    expect(list(AdjacencyStore.open(device, 'graph'))).toEqual(expected.slice(1));
  });

  it('refuses a file that is no graph', async () => {
    const device = await open();
    const bad = { numVertices: 2, indptr: Int32Array.of(0, 2, 1), indices: Int32Array.of(0, 1) };
    expect(() => AdjacencyStore.create(device, 'graph', bad)).toThrow(DataError);
  });

  it('is sampled like one in memory', async () => {
    const device = await open();
    const graph = regularGraph(256);
    const run = (store: AdjacencyStore) => {
      const sampler = new SnapshotSampler(store, { fanouts: [2, 4], mode: 'otf', fetch: 'partial', period: 2 });
      const drawn = Array.from({ length: 5 }, (_, call) => [...sampler.sample(Int32Array.of(call, 9))[0]!.neighbours]);
      return { drawn, stats: sampler.stats() };
    };
    expect(run(AdjacencyStore.create(device, 'graph', graph))).toEqual(run(AdjacencyStore.inMemory(graph)));
  });
});

describe('a refresh in the background', () => {
  it.each(['file', 'memory'] as const)(
    'is put in place between two calls; until then the old lists are drawn from (%s)',
    async (kind) => {
      const graph = hubGraph(4, 2000);
      const store =
        kind === 'file' ? AdjacencyStore.create(await open(), 'graph', graph) : AdjacencyStore.inMemory(graph);
      const sampler = new SnapshotSampler(store, { fanouts: [10], mode: 'fcr', period: 2, background: true });
      const seeds = Int32Array.of(0, 1, 2, 3);
      const { setupBytes, cacheBytes } = sampler.stats();
      expect(cacheBytes).toBe(2 * (4 * 4 * 20) + 4 * 2001);
      const old = new Set<number>();
      const drawn = () => Array.from(sampler.sample(seeds)[0]!.neighbours, (u, i) => 10_000 * Math.floor(i / 10) + u);
      // Calls 0 … 2: the third asks for a refresh and does not wait for it.
      for (let call = 0; call < 3; call++) for (const u of drawn()) old.add(u);
      expect(old.size).toBeLessThanOrEqual(4 * 20);
      const deadline = performance.now() + 20_000;
      while (sampler.stats().storageBytes === setupBytes && performance.now() < deadline) {
        await sleep(10);
        for (const u of drawn()) if (sampler.stats().storageBytes === setupBytes) old.add(u);
      }
      expect(sampler.stats().storageBytes).toBeGreaterThan(setupBytes);
      expect(old.size).toBeLessThanOrEqual(4 * 20);
      expect(drawn().filter((u) => !old.has(u)).length).toBeGreaterThan(20);
      sampler.dispose();
      store.close();
    },
  );
});

const data = awkwardGraph(80, { sparse: false });
const model = { model: 'sage', layers: 2, hidden: 4, norm: 'none', dropout: 0 } as const;

describe('training', () => {
  it('has the loss of the sampled blocks, computed in float64', async () => {
    const snapshot = { mode: 'fcr', fanouts: [2, 3], alpha: 2 } as const;
    const optimizer = { optimizer: 'sgd', lr: 1e-30, weightDecay: 0 } as const;
    const run = await trainGnn(data, { model, seed: 3, epochs: 1, optimizer, mode: 'snapshot', snapshot });
    const seed = new Rng(3).split('device', 0).key[0];
    const graph = messageGraph(data.graph);
    const sampler = new SnapshotSampler(AdjacencyStore.inMemory(graph), { ...snapshot, seed });
    const blocks = sampler.sample(Int32Array.from(data.split.train).sort());
    const lists = blocks.map(({ sources, indptr, neighbours, numDestinations }) => (v: number) => {
      const row = sources.subarray(0, numDestinations).indexOf(v);
      return neighbours.subarray(indptr[row], indptr[row + 1]);
    });
    expectClose([run.metrics.trainLoss], [sageLoss(data, run.weights as unknown as SageArrays, 2, lists)], {
      rtol: 1e-5,
    });
  });

  it('on two devices, from a drive and from memory, with any cache of whole lists: the same parameters; bytes as predicted', async () => {
    const run = (snapshot: SnapshotTrainOptions) =>
      trainGnn(data, {
        model: { ...model, norm: 'layer', dropout: 0.5 },
        seed: 3,
        epochs: 2,
        cluster: '1x2',
        partition: 'random',
        mode: 'snapshot',
        snapshot: { fanouts: [2, 3], batchSize: 8, ...snapshot },
      });
    const fbl = await run({ mode: 'fbl' });
    const lru = await run({ mode: 'lru', budgetBytes: 300, storageDir: folder });
    expect(flat(lru.weights)).toEqual(flat(fbl.weights));
    const { metrics } = lru;
    expect(metrics.intraBytesPerEpoch).toBe(metrics.predicted.intraBytesPerEpoch);
    expect(metrics.intraBytesPerEpoch).toBeGreaterThan(0);
    expect(metrics.modeFacts.storageBytesPerEpoch).toBeGreaterThan(0);
  });

  it.skipIf(!hasCora)('cora: as accurate from snapshots as from storage', async () => {
    const set = await loadNodeDataset('cora');
    const { features } = set;
    if (features.kind === 'none') throw new Error('cora has features');
    const accuracy = async (snapshot: SnapshotTrainOptions) => {
      const scores = [];
      for (const seed of [1, 2, 3]) {
        const { metrics } = await trainGnn(
          { ...set, features, split: set.splits[0]! },
          { model: { model: 'gcn' }, seed, epochs: 100, evalEvery: 100, mode: 'snapshot', snapshot },
        );
        scores.push(metrics.testAccuracy);
      }
      return scores.reduce((a, b) => a + b, 0) / scores.length;
    };
    const fbl = await accuracy({ mode: 'fbl' });
    const fcr = await accuracy({ mode: 'fcr', alpha: 2, period: 50 });
    expect(fbl).toBeGreaterThan(0.76);
    expect(Math.abs(fbl - fcr)).toBeLessThan(0.007);
  });
});
