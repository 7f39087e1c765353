import { createDevice, initEngine, type MemoryAccount, Rng } from '@strata-ml/core';
import { rmat } from '@strata-ml/graph';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  cachePolicies,
  chooseParts,
  type GraphStore,
  type OffloadOptions,
  OffloadTrainer,
  planMemory,
  prepareGraph,
  randomFeatures,
  shapeOfPartition,
  shapeOfStore,
} from '../../src/index.js';
import { temporaryFolders } from '../support.js';

const fresh = temporaryFolders();
let account: MemoryAccount;
beforeAll(async () => {
  account = createDevice(await initEngine()).memory;
});

const graph = rmat({ scale: 11, edgeFactor: 6, rng: new Rng(4) });
const n = graph.numVertices;
const labels = Int32Array.from({ length: n }, (_, v) => v % 5);
const split = {
  train: Int32Array.from({ length: 1000 }, (_, v) => 2 * v),
  val: Int32Array.of(1),
  test: Int32Array.of(3),
};
const columns = 24;

async function withStore<T>(parts: number, run: (store: GraphStore, partOf: Int32Array) => Promise<T>): Promise<T> {
  const partOf = Int32Array.from({ length: n }, (_, v) => Math.floor((v * parts) / n));
  const source = { graph, features: randomFeatures(columns), labels, split };
  const store = await prepareGraph(source, { folder: fresh(), parts, partition: partOf, mode: 'buffered', workers: 2 });
  try {
    return await run(store, partOf);
  } finally {
    await store.close();
  }
}

const networks = {
  gcn: { model: 'gcn', layers: 3, hidden: 32, dropout: 0.5 },
  'gcn, layer norm': { model: 'gcn', layers: 2, hidden: 48, dropout: 0, norm: 'layer' },
  sage: { model: 'sage', layers: 3, hidden: 32, dropout: 0.5 },
  gat: { model: 'gat', layers: 2, hidden: 32, heads: 4, dropout: 0.2 },
  resSage: { model: 'resSage', layers: 2, hidden: 32, dropout: 0.5 },
} satisfies Record<string, NonNullable<OffloadOptions['model']>>;

describe('planMemory', () => {
  it('says exactly what the trainer then reads and writes, its least memory, and nearly what the device holds', async () => {
    await withStore(4, async (store, partOf) => {
      const shape = shapeOfStore(store);
      const { featureWidth, classes, weights } = store.meta;
      expect(shapeOfPartition({ graph, partOf, parts: 4, featureWidth, classes, weights })).toEqual(shape);
      const tensors = tf.memory().numTensors;
      const ratios: Record<string, number> = {};
      for (const [name, model] of Object.entries(networks)) {
        const least = (await planMemory(shape, { model })).host.minimumBytes;
        for (const [hostMemory, cachePolicy] of [
          [least, 'belady'],
          [1.5 * least, 'lru'],
        ] as const) {
          const options: OffloadOptions = { model, hostMemory, cachePolicy };
          const plan = await planMemory(shape, options);
          const trainer = await OffloadTrainer.open(store, options);
          try {
            expect(trainer.minimumHostBytes).toBe(least);
            account.resetPeak();
            const first = await trainer.trainEpoch();
            const second = await trainer.trainEpoch();
            expect(plan.firstEpoch?.counters).toEqual(first.storage);
            expect(plan.epoch?.counters).toEqual(second.storage);
            expect(plan.traffic).toEqual(second.device);
            expect(plan.host.peakBytes).toBe(trainer.peakHostBytes);
            const kinds = Object.values(plan.epoch!.byKind);
            expect(kinds.reduce((sum, { read }) => sum + read, 0)).toBe(second.storage.bytesRead);
            expect(kinds.reduce((sum, { written }) => sum + written, 0)).toBe(second.storage.bytesWritten);
            ratios[name] = plan.device.bytes / account.peakBytes;
          } finally {
            trainer.close();
          }
        }
      }
      for (const [name, ratio] of Object.entries(ratios)) {
        expect(ratio, `${name}: planned over held`).toBeGreaterThanOrEqual(1);
        expect(ratio, `${name}: planned over held`).toBeLessThan(2);
      }
      expect(tf.memory().numTensors).toBe(tensors);
    });
  });

  it('knows snapshots and an unfused head', async () => {
    await withStore(3, async (store) => {
      const options = { model: { ...networks.sage, layers: 2 }, mode: 'snapshot', fusedHead: false } as const;
      const shape = shapeOfStore(store);
      const { minimumBytes } = (await planMemory(shape, options)).host;
      const plan = await planMemory(shape, { ...options, hostMemory: minimumBytes });
      const trainer = await OffloadTrainer.open(store, { ...options, hostMemory: minimumBytes });
      try {
        account.resetPeak();
        expect((await trainer.trainEpoch()).storage).toEqual(plan.firstEpoch?.counters);
        const { storage, device } = await trainer.trainEpoch();
        expect(storage).toEqual(plan.epoch?.counters);
        expect(device).toEqual(plan.traffic);
        expect(plan.epoch!.byKind.snapshots.written).toBeGreaterThan(0);
        expect(plan.device.bytes).toBeGreaterThanOrEqual(account.peakBytes);
      } finally {
        trainer.close();
      }
    });
  });

  it('tells what does not fit, and by how much', async () => {
    await withStore(3, async (store) => {
      const shape = shapeOfStore(store);
      const tight = await planMemory(shape, { hostMemory: 1000, deviceMemory: 1000 });
      expect(tight.fits).toBe(false);
      expect(tight.epoch).toBeUndefined();
      expect(tight.remarks.join('\n')).toMatch(/host memory must be at least .*\n.*device memory/);
      const { minimumBytes, residentBytes } = tight.host;
      const room = async (hostMemory: number) => (await planMemory(shape, { hostMemory })).epoch !== undefined;
      expect([await room(minimumBytes - 1), await room(minimumBytes)]).toEqual([false, true]);
      await expect(OffloadTrainer.open(store, { hostMemory: minimumBytes - 1 })).rejects.toThrow(
        `${minimumBytes} bytes`,
      );
      // With room for everything nothing moves after the first epoch.
      const ample = await planMemory(shape, { hostMemory: 2 * residentBytes });
      expect(ample.mode).toBe('resident');
      expect(ample.epoch?.counters).toMatchObject({ bytesRead: 0, bytesWritten: 0 });
      expect(ample.firstEpoch?.counters.bytesRead).toBeGreaterThan(0);
    });
  });

  it('compares policies: none reads the most, belady the least', async () => {
    const partOf = Int32Array.from({ length: n }, (_, v) => v % 16);
    const shape = shapeOfPartition({ graph, partOf, parts: 16, featureWidth: columns, classes: 5, weights: 'gcn' });
    const { host } = await planMemory(shape);
    const hostMemory = (host.minimumBytes + host.residentBytes) / 2;
    const { policies, mode } = await planMemory(shape, { hostMemory, comparePolicies: true });
    expect(mode).not.toBe('resident');
    expect(policies.map(({ policy }) => policy)).toEqual([...cachePolicies, 'none']);
    const read = Object.fromEntries(policies.map(({ policy, bytesRead }) => [policy, bytesRead]));
    for (const policy of ['lru', 'frequency'] as const) {
      expect(read.belady).toBeLessThanOrEqual(1.02 * read[policy]!);
      expect(read[policy]).toBeLessThanOrEqual(read.none!);
    }
  });

  it('predicts seconds between perfect and no overlap from the rates it is given', async () => {
    const partOf = Int32Array.from({ length: n }, (_, v) => v % 4);
    const shape = shapeOfPartition({ graph, partOf, parts: 4, featureWidth: columns, classes: 5, weights: 'gcn' });
    const { host } = await planMemory(shape);
    const rates = {
      denseMacsPerSecond: 1e9,
      sparseFloatsPerSecond: 1e8,
      copyBytesPerSecond: 1e9,
      readBytesPerSecond: 1e6,
      writeBytesPerSecond: 5e5,
      requestSeconds: 1e-3,
    };
    const { seconds, epoch, traffic } = await planMemory(shape, { hostMemory: host.minimumBytes, rates });
    const { bytesRead, bytesWritten } = epoch!.counters;
    expect(seconds!.read).toBeCloseTo(bytesRead / 1e6 + epoch!.requests / 1e3, 9);
    expect(seconds!.write).toBeCloseTo(bytesWritten / 5e5, 9);
    expect(seconds!.copy).toBeCloseTo((traffic.uploadBytes + traffic.downloadBytes) / 1e9, 9);
    expect(seconds!.overlapped).toBe(seconds!.read);
    expect(seconds!.serial).toBeCloseTo(seconds!.read + seconds!.write + seconds!.copy + seconds!.compute, 9);
  });
});

describe('chooseParts', () => {
  it('takes the first number of parts that fits both budgets', async () => {
    const shape = { featureWidth: columns, classes: 5, weights: 'gcn' } as const;
    const one = await chooseParts(graph, shape);
    expect(one.parts).toBe(1);
    const deviceMemory = 0.6 * one.plan.device.bytes;
    const { parts, plan, partOf } = await chooseParts(graph, { ...shape, deviceMemory });
    expect(parts).toBeGreaterThan(1);
    expect(plan.device.bytes).toBeLessThanOrEqual(deviceMemory);
    expect(new Set(partOf).size).toBe(parts);
    await expect(chooseParts(graph, { ...shape, deviceMemory: 1000 })).rejects.toThrow(/at least .* and .* parts/);
  });
});
