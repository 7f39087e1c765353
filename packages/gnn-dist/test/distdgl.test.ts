import { type TrainOptions, trainGnn } from '@strata-ml/gnn-dist';
import { relativeL2 } from '@strata-ml/testing';
import { describe, expect, it } from 'vitest';
import { balanceSeeds } from '../src/sample/balancedSeeds.js';
import { inclusionScores } from '../src/sample/inclusion.js';
import { awkwardGraph, flat } from './support/data.js';

const dense = awkwardGraph(80, { sparse: false });
const sparse = awkwardGraph(80, { sparse: true });
const model = (norm: 'layer' | 'batch', name: 'sage' | 'gcn' = 'sage') =>
  ({ model: { model: name, layers: 3, hidden: 4, norm, dropout: 0.5 } }) as const;
const steps = { epochs: 2, evalEvery: 2, optimizer: { optimizer: 'sgd', lr: 0.1 }, seed: 3 } as const;

type Report = Awaited<ReturnType<typeof trainGnn>>;
const rowBytes = ({ metrics }: Report) => metrics.interBytesPerEpoch + metrics.intraBytesPerEpoch;
function expectPlannedBytes({ metrics }: Report): void {
  expect(metrics.interBytesPerEpoch).toBe(metrics.predicted.interBytesPerEpoch);
  expect(metrics.intraBytesPerEpoch).toBe(metrics.predicted.intraBytesPerEpoch);
  const { predicted, ...counted } = metrics.preload;
  expect(counted).toEqual(predicted);
}

describe('balanceSeeds', () => {
  it('gives every device as many, moves no more than it must, and no other vertex', () => {
    const partOf = Int32Array.from({ length: 30 }, (_, v) => (v < 20 ? 0 : 1));
    const train = Int32Array.from({ length: 17 }, (_, i) => i);
    const deviceOf = balanceSeeds(train, partOf, 3);
    const counts = [0, 1, 2].map((r) => train.filter((v) => deviceOf[v] === r).length);
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    expect([...train].filter((v) => deviceOf[v] === 0)).toEqual([0, 1, 2, 3, 4]);
    expect([...deviceOf.subarray(17)]).toEqual([...partOf.subarray(17)]);
  });
});

describe('inclusionScores', () => {
  // 0 ← 1, 2, 3; 1 ← 4; 5 is a seed as well.
  const rows = { numVertices: 6, indptr: Int32Array.of(0, 3, 4, 4, 4, 4, 4), indices: Int32Array.of(1, 2, 3, 4) };

  it('follow the formula', () => {
    const score = inclusionScores(rows, { seeds: Int32Array.of(0, 5), batchSize: 1, fanouts: [2, 1] });
    expect([...score].map((s) => Math.round(s * 1e9) / 1e9)).toEqual(
      [1 / 2, 1 / 3, 1 / 3, 1 / 3, 1 / 3, 1 / 2].map((s) => Math.round(s * 1e9) / 1e9),
    );
  });

  it('join ways to the same vertex, and leave out what is not included', () => {
    // 4 is read by 0 and by 1, which are both seeds.
    const twice = { ...rows, indptr: Int32Array.of(0, 1, 2, 2, 2, 2, 2), indices: Int32Array.of(4, 4) };
    const seeds = { seeds: Int32Array.of(0, 1), batchSize: 1, fanouts: [5] };
    expect(inclusionScores(twice, seeds)[4]).toBeCloseTo(1 - 0.5 * 0.5, 12);
    const include = Uint8Array.of(1, 1, 1, 1, 0, 1);
    expect(inclusionScores(twice, { ...seeds, include })[4]).toBe(0);
  });
});

describe('distdgl', () => {
  const cases: [string, typeof dense, string, TrainOptions][] = [
    ['SAGE, BatchNorm', dense, '2x1', model('batch')],
    ['SAGE, LayerNorm, sparse, inductive', sparse, '1x3', { ...model('layer'), inductive: true }],
  ];

  it.each(cases)('%s equals one device with the same seeds and drawn edges', async (_name, data, cluster, options) => {
    const devices = Number(cluster[0]) * Number(cluster[2]);
    // Two steps an epoch: seeds of a step are the same, in larger batches on fewer devices.
    const run = (n: number) => ({ seeds: 'global', batchSize: Math.ceil(40 / n / 2), fanouts: [4, 2, 3] }) as const;
    const all = { ...steps, ...options, mode: 'distdgl', partition: 'random' } as const;
    const one = await trainGnn(data, { ...all, cluster: '1x1', distdgl: run(1) });
    const many = await trainGnn(data, { ...all, cluster, distdgl: { ...run(devices), background: false } });
    expect(relativeL2(flat(many.weights), flat(one.weights))).toBeLessThan(1e-5);
    expectPlannedBytes(many);
    expect(many.metrics.modeFacts.seeds).toBe(40);
  });

  it('on one device is cooperative batching with the same fan-out, bit by bit', async () => {
    const options = { ...steps, ...model('layer', 'gcn'), cluster: '1x1' } as const;
    const cob = { sampler: 'sage', fanout: 3, itersPerEpoch: 2 } as const;
    const a = await trainGnn(dense, { ...options, mode: 'cob', cob });
    const distdgl = { seeds: 'global', fanouts: 3, batchSize: 20 } as const;
    const b = await trainGnn(dense, { ...options, mode: 'distdgl', distdgl });
    expect(b.metrics.parametersHash).toBe(a.metrics.parametersHash);
  });

  it('takes devices without seeds along', async () => {
    const data = { ...dense, split: { ...dense.split, train: dense.split.train.subarray(0, 2) } };
    const report = await trainGnn(data, {
      ...steps,
      ...model('batch'),
      cluster: '1x3',
      mode: 'distdgl',
      distdgl: { batchSize: 1 },
    });
    expect(Number.isFinite(report.metrics.finalTrainLoss)).toBe(true);
    expect(report.metrics.modeFacts.seeds).toBe(2);
  });

  it('refuses fan-outs for other layers', async () => {
    const options = { ...model('layer'), mode: 'distdgl', distdgl: { fanouts: [3, 3] } } as const;
    await expect(trainGnn(dense, options)).rejects.toThrow(/one per layer \(3\)/);
  });
});

describe('salient++', () => {
  const distdgl = { batchSize: 5, fanouts: [3, 3, 3] };

  it.each([
    ['dense', dense, '2x1'],
    ['sparse', sparse, '1x2'],
  ] as const)('learns what distdgl learns, and reads so many rows less (%s)', async (_name, data, cluster) => {
    const run = { ...steps, ...model('layer'), cluster, partition: 'random', distdgl } as const;
    const plain = await trainGnn(data, { ...run, mode: 'distdgl' });
    const cached = await trainGnn(data, { ...run, mode: 'salient++', salient: { cacheShare: 0.4 } });
    expect(cached.metrics.parametersHash).toBe(plain.metrics.parametersHash);
    expectPlannedBytes(plain);
    expectPlannedBytes(cached);
    const { remoteReads, cachedReads, cacheHitRate } = cached.metrics.modeFacts;
    expect(remoteReads).toBe(plain.metrics.modeFacts.remoteReads);
    expect(rowBytes(plain)).toBe(4 * 10 * remoteReads!);
    expect(rowBytes(plain) - rowBytes(cached)).toBe(4 * 10 * cachedReads!);
    expect(cacheHitRate).toBeCloseTo(1 - rowBytes(cached) / rowBytes(plain), 12);
    // Each device caches 0.4 · 80 / 2 rows of about 40 that others own; those that were read most are hit more often.
    expect(cached.metrics.preload.interBytes + cached.metrics.preload.intraBytes).toBe(2 * 16 * 4 * 10);
    expect(cacheHitRate).toBeGreaterThan(0.45);
  });

  it('with everything cached pulls nothing', async () => {
    const all = { ...steps, ...model('layer'), mode: 'salient++', salient: { cacheShare: 2 } } as const;
    const report = await trainGnn(dense, { ...all, cluster: '1x2', distdgl });
    expect(rowBytes(report)).toBe(0);
    expect(report.metrics.modeFacts.cacheHitRate).toBe(1);
    await expect(trainGnn(dense, { ...all, salient: { cacheShare: -1 } })).rejects.toThrow(/cacheShare must be/);
  });
});
