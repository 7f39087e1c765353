import { type TrainOptions, trainGnn } from '@strata-ml/gnn-dist';
import { type PartitionMethod, partitionCluster } from '@strata-ml/graph';
import { expectClose, relativeL2 } from '@strata-ml/testing';
import { describe, expect, it } from 'vitest';
import { awkwardGraph, flat } from './support/data.js';

const dense = awkwardGraph(90, { sparse: false });
const sparse = awkwardGraph(90, { sparse: true });
const multi = awkwardGraph(90, { sparse: true, multiLabel: true });

/** One step of plain SGD with a huge rate: what is left is the gradient, −10⁶ times, to seven digits. */
const oneStep = { epochs: 1, optimizer: { optimizer: 'sgd', lr: 1e6 } } as const;
const twenty = { epochs: 20, evalEvery: 20, optimizer: { optimizer: 'adam', lr: 0.01, weightDecay: 5e-4 } } as const;

type Case = [name: string, data: typeof dense, cluster: string, options: TrainOptions];
const model = (name: 'gcn' | 'sage' | 'resSage' | 'gat', norm: 'none' | 'layer' | 'batch', dropout: number) =>
  ({ model: { model: name, layers: 3, hidden: 8, norm, dropout, ...(name === 'gat' ? { heads: 2 } : {}) } }) as const;

const cases: Case[] = [
  ['GCN, no dropout', dense, '2x2', { ...model('gcn', 'none', 0), partition: 'random' }],
  ['GCN, dropout 0.5', sparse, '2x2', { ...model('gcn', 'none', 0.5), partition: 'random' }],
  ['GCN, LayerNorm, Fennel', dense, '1x4', { ...model('gcn', 'layer', 0.5), partition: 'fennel' }],
  ['SAGE, LayerNorm', sparse, '4x1', { ...model('sage', 'layer', 0.5), partition: 'fennel' }],
  ['SAGE, BatchNorm', dense, '2x3', { ...model('sage', 'batch', 0.5), partition: 'random' }],
  [
    'SAGE, no overlap, flat all-reduce',
    sparse,
    '2x2',
    { ...model('sage', 'layer', 0.5), overlap: false, allReduce: 'flat' },
  ],
  [
    'SAGE, hierarchical all-reduce, tiny buckets',
    dense,
    '2x2',
    { ...model('sage', 'layer', 0.5), allReduce: 'hierarchical', bucketBytes: 64 },
  ],
  ['ResSAGE+, LayerNorm', dense, '2x2', { ...model('resSage', 'layer', 0.5), partition: 'random' }],
  ['ResSAGE+, BatchNorm', sparse, '2x3', { ...model('resSage', 'batch', 0), partition: 'ldg' }],
  ['SAGE, no dropout, multilevel', dense, '4x1', { ...model('sage', 'layer', 0), partition: 'multilevel' }],
  ['GAT', sparse, '2x2', { ...model('gat', 'none', 0.5), partition: 'random' }],
  ['features sent once', sparse, '2x2', { ...model('gcn', 'none', 0.5), haloFeatures: 'once' }],
  ['multi-label', multi, '2x2', { ...model('sage', 'layer', 0.5), partition: 'range' }],
  ['inductive', sparse, '2x2', { ...model('sage', 'batch', 0.5), inductive: true }],
];

describe('distributed training equals one device', () => {
  it.each(cases)('%s: every gradient', async (_name, data, cluster, options) => {
    const one = await trainGnn(data, { ...options, ...oneStep, partition: 'range', cluster: '1x1' });
    const many = await trainGnn(data, { ...options, ...oneStep, cluster });
    expectClose([many.metrics.trainLoss], [one.metrics.trainLoss], { rtol: 1e-5 });
    expectClose(flat(many.weights), flat(one.weights), { why: 'float32 sums over vertices in another order' });
    expect(relativeL2(flat(many.weights), flat(one.weights))).toBeLessThan(1e-5);
  });

  it.each(cases)('%s: parameters after 20 Adam steps', async (_name, data, cluster, options) => {
    const one = await trainGnn(data, { ...options, ...twenty, partition: 'range', cluster: '1x1' });
    const many = await trainGnn(data, { ...options, ...twenty, cluster });
    expect(relativeL2(flat(many.weights), flat(one.weights))).toBeLessThan(1e-4);
    expect(many.metrics.interBytesPerEpoch).toBe(many.metrics.predicted.interBytesPerEpoch);
    expect(many.metrics.intraBytesPerEpoch).toBe(many.metrics.predicted.intraBytesPerEpoch);
    expect(many.metrics.valAccuracy).toBeCloseTo(one.metrics.valAccuracy, 6);
  });

  it('gives the same bits with and without overlap, and from run to run', async () => {
    const options = { ...model('sage', 'layer', 0.5), ...twenty, cluster: '2x2' } as const;
    const a = await trainGnn(sparse, options);
    const b = await trainGnn(sparse, { ...options, overlap: false });
    const c = await trainGnn(sparse, options);
    expect(b.metrics.parametersHash).toBe(a.metrics.parametersHash);
    expect(c.metrics.parametersHash).toBe(a.metrics.parametersHash);
  });

  it.each(['wasm', 'cpu'] as const)('on the %s engine too', async (engine) => {
    const options = { ...model('sage', 'layer', 0.5), ...twenty, engine };
    const native = await trainGnn(sparse, { ...options, engine: 'auto', cluster: '1x1' });
    const one = await trainGnn(sparse, { ...options, cluster: '1x1' });
    const many = await trainGnn(sparse, { ...options, cluster: '2x2' });
    expect(many.environment.engine).toBe(engine);
    expect(relativeL2(flat(many.weights), flat(one.weights))).toBeLessThan(1e-4);
    expect(relativeL2(flat(one.weights), flat(native.weights))).toBeLessThan(1e-4);
  });

  it('trains with an empty device when asked to', async () => {
    const method: PartitionMethod = 'fennel';
    const partOf = partitionCluster(sparse.graph, [2], { method, seed: 1 });
    const withHole = partOf.map((rank) => (rank === 1 ? 3 : rank)); // ranks 1 and 2 own nothing
    const options = { ...model('sage', 'batch', 0.5), ...twenty };
    const one = await trainGnn(sparse, { ...options, cluster: '1x1' });
    const many = await trainGnn(sparse, { ...options, cluster: '2x2', partition: withHole, allowEmptyParts: true });
    expect(relativeL2(flat(many.weights), flat(one.weights))).toBeLessThan(1e-4);
    await expect(trainGnn(sparse, { ...options, cluster: '2x2', partition: withHole })).rejects.toThrow(
      'vertices of device 1 must be at least 1',
    );
  });
});
