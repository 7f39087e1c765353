import {
  type DisaggregatedOptions,
  startDisaggregated,
  syncKinds,
  trainDisaggregated,
  trainGnn,
  WorkerLostError,
} from '@strata-ml/gnn-dist';
import { partition, partitionMetrics, sbm } from '@strata-ml/graph';
import { relativeL2 } from '@strata-ml/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { messageWords, readMessage, writeMessage } from '../src/disaggregated/batchMessage.js';
import { drawBatch } from '../src/disaggregated/drawBatch.js';
import { makeSchedule, seedsOfBatch } from '../src/disaggregated/schedule.js';
import { awkwardGraph, flat } from './support/data.js';

const dense = awkwardGraph(80, { sparse: false });
const sparse = awkwardGraph(80, { sparse: true });
const model = { model: 'sage', layers: 2, hidden: 4, norm: 'batch', dropout: 0.5 } as const;
const base = { model, epochs: 2, evalEvery: 2, seed: 3, fanouts: [4, 3] } as const;
const sum = (values: readonly number[]) => values.reduce((total, v) => total + v, 0);

describe('makeSchedule', () => {
  it('gives every training vertex to one batch, and numbers queues and steps without gaps', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 4 }),
        fc.constantFrom('dealt', 'owned'),
        fc.infiniteStream(fc.nat()),
        (batchesOf, computeWorkers, seeds, random) => {
          const some = () =>
            Array.from({ length: 1 + (random.next().value % 3) }, () => random.next().value % computeWorkers);
          const children = batchesOf.map(() => [...new Set(some())]);
          const { batches, lanes } = makeSchedule({ batchesOf, children, computeWorkers, seeds });
          expect(batches.map((b) => b.id)).toEqual([...batches.keys()]);
          for (let target = 0; target < computeWorkers; target++) {
            const mine = batches.filter((b) => b.target === target);
            expect(mine.map((b) => b.round)).toEqual([...mine.keys()]);
          }
          lanes.forEach((lane, index) => {
            const mine = batches.filter((b) => b.lane === index);
            expect(mine.map((b) => b.place)).toEqual([...mine.keys()]);
            expect(mine.every((b) => b.maker === lane.maker && b.target === lane.target)).toBe(true);
            expect(children[lane.maker]).toContain(lane.target);
          });
          const ofMaker = batchesOf.map((count, b) => Int32Array.from({ length: 3 * count }, (_, i) => 100 * b + i));
          const all = Int32Array.from(ofMaker.flatMap((list) => [...list]));
          const trained = batches.flatMap((b) => [...seedsOfBatch(b, { all, ofMaker }, 5, 2)]);
          expect(trained.sort((a, b) => a - b)).toEqual([...all]);
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe('messages', () => {
  it.each([
    ['dense', dense],
    ['sparse', sparse],
    ['multi-label', awkwardGraph(80, { sparse: true, multiLabel: true })],
  ])('%s: bring structure, labels and features as they were, and fit', (_name, data) => {
    const { graph, split, features, numFeatures, numClasses } = data;
    const plan = { graph, fanouts: [4, 3], seed: 1 };
    const seeds = split.train.subarray(0, 9);
    const blocks = drawBatch(plan, seeds, 1, 0, new Uint8Array(80));
    const shape = { numVertices: 80, numEdges: graph.indices.length, fanouts: [4, 3], seeds: 9 };
    const words = messageWords(data, shape);
    const space = { buffer: new SharedArrayBuffer(4 * words + 8), byteOffset: 8, words };
    expect(writeMessage(space, { id: 5, round: 2 }, blocks, data)).toBeLessThanOrEqual(4 * words);
    const read = readMessage(space, data);
    expect(read).toMatchObject({ id: 5, round: 2, numSeeds: 9 });
    expect(read.blocks).toEqual(blocks);
    if (data.multiLabels) {
      const want = [...seeds].flatMap((v) => [...data.multiLabels!.subarray(v * numClasses, (v + 1) * numClasses)]);
      expect([...read.multiLabels!]).toEqual(want);
    } else expect([...read.labels]).toEqual([...seeds].map((v) => data.labels[v]));
    blocks[0]!.sources.forEach((v, row) => {
      if (features.kind === 'dense' && read.features.kind === 'dense') {
        const mine = read.features.values.subarray(row * numFeatures, (row + 1) * numFeatures);
        expect(mine).toEqual(features.values.subarray(v * numFeatures, (v + 1) * numFeatures));
      } else if (features.kind === 'csr' && read.features.kind === 'csr') {
        const entries = ({ indptr, indices, values }: typeof features.csr, r: number) => [
          [...indices.subarray(indptr[r]!, indptr[r + 1]!)],
          [...values!.subarray(indptr[r]!, indptr[r + 1]!)],
        ];
        expect(entries(read.features.csr, row)).toEqual(entries(features.csr, v));
      } else expect.unreachable();
    });
  });
});

describe('rows of other parts', () => {
  it('are fewer the fewer edges a partition cuts', () => {
    const { graph } = sbm({ sizes: [250, 250, 250, 250], pIn: 0.04, pOut: 0.002 });
    const n = graph.numVertices;
    const shares = (['hash', 'ldg', 'grem', 'multilevel'] as const).map((method) => {
      const ownerOf = partition(graph, 4, { method, seed: 1 });
      let rows = 0;
      let remote = 0;
      for (let maker = 0; maker < 4; maker++) {
        const own = Int32Array.from({ length: n }, (_, v) => v).filter((v) => ownerOf[v] === maker && v % 5 === 0);
        const [block] = drawBatch({ graph, fanouts: [5, 5], seed: 1 }, own, 1, 0, new Uint8Array(n));
        rows += block!.sources.length;
        remote += block!.sources.filter((v) => ownerOf[v] !== maker).length;
      }
      return { cut: partitionMetrics(graph, ownerOf, { devicesPerServer: [4] }).cutRatio, remote: remote / rows };
    });
    const byCut = [...shares].sort((a, b) => a.cut - b.cut);
    expect(byCut.map((s) => s.remote)).toEqual([...shares.map((s) => s.remote)].sort((a, b) => a - b));
    expect(byCut[0]!.remote).toBeLessThan(0.7 * byCut.at(-1)!.remote);
  });
});

describe('trainDisaggregated', () => {
  it.each([
    ['dense', dense],
    ['sparse', sparse],
  ])('%s: summed gradients of two workers are those of one device on both batches', async (_name, data) => {
    const sgd = { optimizer: 'sgd', lr: 0.1 } as const;
    const two = { batchWorkers: 2, computeWorkers: 2, batchSize: 10, sync: 'sync-grads' } as const;
    const apart = await trainDisaggregated(data, { ...base, ...two, optimizer: sgd });
    // The same training vertices in each step, in one batch.
    const distdgl = { seeds: 'global', batchSize: 20, fanouts: base.fanouts, background: false } as const;
    const { fanouts: _, ...rest } = base;
    const one = await trainGnn(data, { ...rest, optimizer: sgd, mode: 'distdgl', distdgl });
    expect(apart.metrics.batchesPerEpoch).toBe(4);
    expect(relativeL2(flat(apart.weights), flat(one.weights))).toBeLessThan(1e-5);
    expect(apart.metrics.testAccuracy).toBe(one.metrics.testAccuracy);
    expect(apart.stats.batches).toMatchObject({ pending: 0, trained: 4, lost: 0 });
    // Each worker prepared one of the two batches of the epoch after the first, or more.
    expect(sum(apart.stats.batchWorkers.map((w) => w.batches))).toBe(4);
    expect(sum(apart.stats.computeWorkers.map((w) => w.seeds))).toBe(40);
    expect(apart.metrics.batchBytesPerEpoch).toBe(sum(apart.stats.batchWorkers.map((w) => w.bytes)));
  });

  it('aggregated, with as many threads, takes the same steps', async () => {
    const two = { batchSize: 10, sync: 'sync-grads' } as const;
    const apart = await trainDisaggregated(dense, { ...base, ...two, batchWorkers: 1, computeWorkers: 2 });
    const together = await trainDisaggregated(dense, { ...base, ...two, layout: 'aggregated' });
    expect(together.metrics.parametersHashes).toEqual(apart.metrics.parametersHashes);
    expect(together.stats.batchWorkers).toHaveLength(0);
    for (const worker of together.stats.computeWorkers) expect(worker.prepare).toBeGreaterThan(0);
  });

  // 28, 12 and no training vertices in parts that feed one compute worker each: 7, 3 and 0 batches.
  const owner = new Int32Array(80);
  dense.split.train.forEach((v, i) => {
    owner[v] = i < 28 ? 0 : 1;
  });
  const uneven: DisaggregatedOptions = {
    ...base,
    batchWorkers: 3,
    computeWorkers: 3,
    partition: owner,
    children: [[0], [1], [2]],
    seeds: 'owned',
    batchSize: 4,
    queue: 2,
  };
  it.each(syncKinds)('%s: ends where workers have 7, 3 and 0 batches, with one model', async (sync) => {
    const report = await trainDisaggregated(dense, { ...uneven, sync });
    expect(report.stats.computeWorkers.map((w) => w.batches)).toEqual([7, 3, 0]);
    expect(report.stats.batchWorkers.map((w) => w.batches)).toEqual([7, 3, 0]);
    expect(new Set(report.metrics.parametersHashes).size).toBe(1);
    expect(report.metrics.parametersHashes).toHaveLength(3);
    expect(report.timeline.epochs).toHaveLength(2);
    expect(report.timeline.epochs[1]!.loss).toBeGreaterThan(0);
  });

  const many = {
    ...base,
    epochs: 3,
    evalEvery: 3,
    batchWorkers: 2,
    computeWorkers: 2,
    batchSize: 1,
    queue: 2,
  } as const;
  /** Trains, and ends batch worker 0 early in the second epoch. */
  const withLoss = (options: DisaggregatedOptions) => {
    const pipeline = startDisaggregated(dense, options);
    const watch = setInterval(() => {
      const { epoch, batches } = pipeline.stats();
      if (epoch < 2 || batches.trained < 4) return;
      clearInterval(watch);
      void pipeline.killBatchWorker(0);
    }, 1);
    return pipeline.done.finally(() => clearInterval(watch));
  };

  it('requeue: the others prepare what a lost batch worker leaves, and nothing changes', async () => {
    const whole = await trainDisaggregated(dense, many);
    const events: string[] = [];
    const report = await withLoss({ ...many, onEvent: ({ type }) => events.push(type) });
    expect(report.losses).toMatchObject([{ worker: 0, epoch: 2, requeued: true }]);
    expect(report.losses[0]!.batches.length).toBeGreaterThan(0);
    expect(events).toContain('worker-lost');
    expect(report.stats.batches).toMatchObject({ trained: 40, lost: 0 });
    expect(report.metrics.parametersHashes).toEqual(whole.metrics.parametersHashes);
  });

  it('fail: the epoch ends with the batches that are there, and says what is missing', async () => {
    const error = await withLoss({ ...many, onWorkerLoss: 'fail' }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(WorkerLostError);
    const { report } = error as WorkerLostError;
    expect(report.status).toBe('failed');
    expect(report.timeline.epochs).toHaveLength(2);
    const [loss] = report.losses;
    expect(loss).toMatchObject({ worker: 0, epoch: 2, requeued: false });
    expect(loss!.seeds).toBe(loss!.batches.length);
    expect(loss!.seeds).toBeGreaterThan(0);
    expect(report.stats.batches).toMatchObject({ pending: 0, trained: 40 - loss!.seeds, lost: loss!.seeds });
    expect(new Set(report.metrics.parametersHashes).size).toBe(1);
  });

  it('says which option is wrong', () => {
    const start = (options: DisaggregatedOptions) => () => startDisaggregated(dense, options);
    expect(start({ batchWorkers: 0 })).toThrow(/batchWorkers/);
    expect(start({ sync: 'sometimes' as 'none' })).toThrow(/sync must be one of sync-grads/);
    expect(start({ fanouts: [1] })).toThrow(/fanouts/);
    expect(start({ batchWorkers: 2, children: [[0]] })).toThrow(/children/);
    expect(start({ children: [[1]] })).toThrow(/children of batch worker 0/);
    expect(start({ computeWorkers: 3, cluster: '1x2' })).toThrow(/computeWorkers/);
  });
});
