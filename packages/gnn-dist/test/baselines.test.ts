import { Rng } from '@strata-ml/core';
import { type TrainOptions, trainGnn } from '@strata-ml/gnn-dist';
import { messageGraph, partitionCluster } from '@strata-ml/graph';
import { expectClose, relativeL2 } from '@strata-ml/testing';
import { describe, expect, it } from 'vitest';
import { buildOneHopBlock } from '../src/plan/rankGraph.js';
import { sampleBoundary } from '../src/sample/boundarySample.js';
import { awkwardGraph, flat } from './support/data.js';

const dense = awkwardGraph(80, { sparse: false });
const sparse = awkwardGraph(80, { sparse: true });
// Without weight decay BatchNorm's scale is free and rounding grows: full-graph then differs from one device too.
const twenty = { epochs: 20, evalEvery: 20, optimizer: { optimizer: 'adam', lr: 0.01, weightDecay: 5e-4 } } as const;
const oneStep = { epochs: 1, optimizer: { optimizer: 'sgd', lr: 1e6 } } as const;
const model = (name: 'gcn' | 'sage' | 'resSage' | 'gat', norm: 'none' | 'layer' | 'batch', dropout: number) =>
  ({ model: { model: name, layers: 3, hidden: 8, norm, dropout, ...(name === 'gat' ? { heads: 2 } : {}) } }) as const;

type Report = Awaited<ReturnType<typeof trainGnn>>;
function expectPlannedBytes({ metrics }: Report): void {
  expect(metrics.interBytesPerEpoch).toBe(metrics.predicted.interBytesPerEpoch);
  expect(metrics.intraBytesPerEpoch).toBe(metrics.predicted.intraBytesPerEpoch);
}
const sampledBytes = ({ metrics }: Report) =>
  metrics.traffic.filter(({ phase }) => phase === 'sampling').reduce((sum, row) => sum + row.bytes, 0);

describe('cagnet-1d', () => {
  const cases: [string, typeof dense, string, TrainOptions][] = [
    ['GCN', dense, '2x2', model('gcn', 'none', 0.5)],
    ['SAGE, LayerNorm', sparse, '1x4', model('sage', 'layer', 0.5)],
    ['SAGE, BatchNorm', dense, '2x3', model('sage', 'batch', 0.5)],
    ['ResSAGE+, inductive', dense, '4x1', { ...model('resSage', 'layer', 0.5), inductive: true }],
    ['GAT', sparse, '2x2', model('gat', 'none', 0.5)],
  ];

  it.each(cases)('%s equals one device', async (_name, data, cluster, options) => {
    const step = { ...options, ...oneStep };
    const one = await trainGnn(data, { ...step, partition: 'range', cluster: '1x1' });
    const many = await trainGnn(data, { ...step, cluster, mode: 'cagnet-1d', partition: 'random' });
    expectClose([many.metrics.trainLoss], [one.metrics.trainLoss], { rtol: 1e-5 });
    expect(relativeL2(flat(many.weights), flat(one.weights))).toBeLessThan(1e-5);
    const first = await trainGnn(data, { ...options, ...twenty, partition: 'range', cluster: '1x1' });
    const last = await trainGnn(data, { ...options, ...twenty, cluster, mode: 'cagnet-1d', partition: 'random' });
    expect(relativeL2(flat(last.weights), flat(first.weights))).toBeLessThan(1e-4);
    expectPlannedBytes(last);
  });

  it('moves n·(P − 1) rows per layer, whatever the partition', async () => {
    const bytes = async (partition: 'random' | 'fennel') => {
      const options = { ...model('sage', 'layer', 0), epochs: 1, cluster: '2x2', mode: 'cagnet-1d' } as const;
      const { metrics } = await trainGnn(sparse, { ...options, partition });
      return metrics.interBytesPerEpoch + metrics.intraBytesPerEpoch;
    };
    // Forward 10, 8 and 8 columns, backward 8 and 8.
    const expected = 4 * 80 * 3 * (10 + 8 + 8 + 8 + 8);
    expect(await bytes('random')).toBe(expected);
    expect(await bytes('fennel')).toBe(expected);
  });
});

describe('pipegcn', () => {
  /** With such a rate parameters do not move, but biases that start at zero show each epoch's gradient. */
  const frozen = { optimizer: { optimizer: 'sgd', lr: 1e-25 } } as const;
  const options = { ...model('gcn', 'none', 0), ...frozen, cluster: '2x1', partition: 'random' } as const;

  it('is one epoch late: exact from epoch L on, not before, as far as losses go', async () => {
    const {
      timeline: { epochs: exact },
    } = await trainGnn(dense, { ...options, epochs: 6, evalEvery: 6 });
    const {
      timeline: { epochs: stale },
    } = await trainGnn(dense, { ...options, epochs: 6, evalEvery: 6, mode: 'pipegcn' });
    const difference = stale.map(({ loss }, i) => Math.abs(loss - exact[i]!.loss));
    // Rows of layer 1 are features and exact at once; two more layers are right two epochs later.
    expect(difference.slice(0, 2).every((d) => d > 1e-4)).toBe(true);
    expect(difference.slice(2).every((d) => d < 1e-6)).toBe(true);
  });

  it('is exact in its gradients from about 2L on, not before', async () => {
    const bias = async (mode: 'full-graph' | 'pipegcn', epochs: number) => {
      const { weights } = await trainGnn(dense, { ...options, epochs, evalEvery: epochs, mode });
      const parts = Object.entries(weights).flatMap(([name, { data }]) => (name.endsWith('bias') ? [...data] : []));
      return Float64Array.from(parts, (v) => v * 1e25);
    };
    const exact = await bias('full-graph', 1);
    const gradient = async (epoch: number) => {
      const [before, after] = [await bias('pipegcn', epoch - 1), await bias('pipegcn', epoch)];
      return after.map((v, i) => v - before[i]!);
    };
    expect(relativeL2(await gradient(3), exact)).toBeGreaterThan(1e-3);
    expect(relativeL2(await gradient(6), exact)).toBeLessThan(1e-5);
  });

  it('trains with every smoothing, each its own way, and moves the bytes of full-graph', async () => {
    const run = { ...model('sage', 'layer', 0.5), ...twenty, cluster: '2x1' } as const;
    const exact = await trainGnn(sparse, run);
    const hashes = new Set([exact.metrics.parametersHash]);
    for (const smooth of ['none', 'F', 'G', 'GF'] as const) {
      const stale = await trainGnn(sparse, { ...run, mode: 'pipegcn', pipegcn: { smooth, gamma: 0.5 } });
      expectPlannedBytes(stale);
      expect(stale.metrics.interBytesPerEpoch).toBe(exact.metrics.interBytesPerEpoch);
      expect(stale.metrics.finalTrainLoss).toBeLessThan(stale.timeline.epochs[0]!.loss);
      hashes.add(stale.metrics.parametersHash);
    }
    expect(hashes.size).toBe(5);
  });

  it('refuses a moving average that never moves', async () => {
    await expect(trainGnn(dense, { mode: 'pipegcn', pipegcn: { gamma: 1 } })).rejects.toThrow(
      /gamma must be in \[0, 1\)/,
    );
  });
});

describe('bns-gcn', () => {
  const run = { ...model('sage', 'layer', 0.5), ...twenty, cluster: '2x2', partition: 'random' } as const;

  it('with rate 1 is full-graph, bit by bit', async () => {
    const exact = await trainGnn(sparse, run);
    const all = await trainGnn(sparse, { ...run, mode: 'bns-gcn', bns: { boundaryRate: 1 } });
    expect(all.metrics.parametersHash).toBe(exact.metrics.parametersHash);
    expect(all.metrics.interBytesPerEpoch).toBe(exact.metrics.interBytesPerEpoch);
  });

  it('with rate p moves p of the rows, rounded down per peer, and their ids', async () => {
    const exact = await trainGnn(sparse, run);
    const some = await trainGnn(sparse, { ...run, mode: 'bns-gcn', bns: { boundaryRate: 0.3 } });
    expectPlannedBytes(some);
    const rows = ({ metrics }: Report) =>
      (metrics.interBytesPerEpoch + metrics.intraBytesPerEpoch) / (4 * (10 + 4 * 8));
    expect(rows(some)).toBeLessThanOrEqual(0.3 * rows(exact));
    // Twelve ordered pairs of ranks lose less than one row each by rounding.
    expect(rows(some)).toBeGreaterThan(0.3 * rows(exact) - 12);
    // Ids, and how many of them each pair of ranks has.
    expect(sampledBytes(some)).toBe(4 * rows(some) + 4 * 12);
  });

  it('with rate 0 moves nothing', async () => {
    const none = await trainGnn(sparse, { ...run, mode: 'bns-gcn', bns: { boundaryRate: 0 } });
    expect(none.metrics.interBytesPerEpoch + none.metrics.intraBytesPerEpoch).toBe(0);
    expect(none.metrics.finalTrainLoss).toBeLessThan(none.timeline.epochs[0]!.loss);
  });

  it('draws without bias: the mean of the scaled sums is the sum, within three standard errors', () => {
    const graph = messageGraph(dense.graph);
    const partOf = partitionCluster(dense.graph, [2, 2], { method: 'random', seed: 3 });
    const full = buildOneHopBlock(graph, partOf, 1, 4);
    const value = Float64Array.from(full.globalIds, (id) => new Rng(9).normalAt(id));
    const sums = (indptr: Int32Array, indices: Int32Array, x: (row: number) => number) =>
      Float64Array.from({ length: full.numOwned }, (_, row) => {
        let sum = 0;
        for (let e = indptr[row]!; e < indptr[row + 1]!; e++) sum += x(indices[e]!);
        return sum;
      });
    const exact = sums(full.indptr, full.indices, (row) => value[row]!);
    const draws = 10_000;
    const mean = new Float64Array(full.numOwned);
    const square = new Float64Array(full.numOwned);
    const rowOf = new Map([...full.globalIds].map((id, row) => [id, row]));
    for (let d = 0; d < draws; d++) {
      const { block, sourceScale } = sampleBoundary(full, 0.4, new Rng(1).split(d));
      const x = (row: number) => value[rowOf.get(block.globalIds[row]!)!]! * sourceScale[row]!;
      sums(block.indptr, block.indices, x).forEach((sum, row) => {
        mean[row]! += sum / draws;
        square[row]! += (sum * sum) / draws;
      });
    }
    let outside = 0;
    exact.forEach((sum, row) => {
      const error = Math.sqrt(Math.max(0, square[row]! - mean[row]! ** 2) / draws);
      if (Math.abs(mean[row]! - sum) > 3 * error + 1e-9) outside++;
    });
    // Of so many rows one may lie outside three standard errors by chance (0.3 % each).
    expect(outside).toBeLessThanOrEqual(1);
  });

  it('refuses what it cannot scale', async () => {
    await expect(trainGnn(dense, { ...model('gat', 'none', 0), mode: 'bns-gcn' })).rejects.toThrow(/cannot be scaled/);
    await expect(trainGnn(dense, { mode: 'bns-gcn', bns: { boundaryRate: 2 } })).rejects.toThrow(
      /boundaryRate must be/,
    );
    await expect(trainGnn(dense, { mode: 'bns-gcn', haloFeatures: 'once' })).rejects.toThrow(/every-epoch/);
  });
});
