import { Rng } from '@strata-ml/core';
import { type TrainOptions, trainGnn } from '@strata-ml/gnn-dist';
import { csrFromEdges, messageGraph, partitionCluster } from '@strata-ml/graph';
import { expectClose, relativeL2 } from '@strata-ml/testing';
import { describe, expect, it } from 'vitest';
import { awkwardGraph, flat } from './support/data.js';

const dense = awkwardGraph(80, { sparse: false });
const sparse = awkwardGraph(80, { sparse: true });

/** One step of plain SGD with a huge rate: what is left is the gradient, −10⁶ times, to seven digits. */
const oneStep = { epochs: 1, optimizer: { optimizer: 'sgd', lr: 1e6 } } as const;
const twenty = { epochs: 20, evalEvery: 20, optimizer: { optimizer: 'adam', lr: 0.01, weightDecay: 5e-4 } } as const;
const model = (
  name: 'gcn' | 'sage' | 'resSage' | 'gat',
  norm: 'none' | 'layer' | 'batch',
  dropout: number,
  layers = 3,
) => ({ model: { model: name, layers, hidden: 8, norm, dropout, ...(name === 'gat' ? { heads: 2 } : {}) } }) as const;

const references = new Map<string, ReturnType<typeof trainGnn>>();
function oneDevice(data: typeof dense, options: TrainOptions): ReturnType<typeof trainGnn> {
  const { flx: _, mode: __, ...plain } = options;
  const key = JSON.stringify([data.features.kind, plain.model, plain.epochs, plain.haloFeatures]);
  const known = references.get(key) ?? trainGnn(data, { ...plain, partition: 'range', cluster: '1x1' });
  references.set(key, known);
  return known;
}

type Case = [name: string, data: typeof dense, cluster: string, options: TrainOptions];
const cases: Case[] = [
  ['SAGE, k = 0', sparse, '2x2', { ...model('sage', 'layer', 0.5), flx: { preloadHops: 0 } }],
  ['SAGE, k = 1', sparse, '2x2', { ...model('sage', 'layer', 0.5), flx: { preloadHops: 1 } }],
  ['SAGE, k = 2, zero', sparse, '2x2', { ...model('sage', 'layer', 0.5), flx: { preloadHops: 2, mask: 'zero' } }],
  ['SAGE, k = 3', sparse, '4x1', { ...model('sage', 'layer', 0.5), flx: { preloadHops: 3 } }],
  ['SAGE, one server', sparse, '1x4', { ...model('sage', 'layer', 0.5), flx: { preloadHops: 'auto' } }],
  ['SAGE, segments', sparse, '2x3', { ...model('sage', 'layer', 0.5), flx: { segments: [2, 1] } }],
  ['GCN, no dropout', dense, '2x2', { ...model('gcn', 'none', 0), flx: { preloadHops: 3 } }],
  ['GCN, BatchNorm, k = 2', dense, '2x2', { ...model('gcn', 'batch', 0.5), flx: { preloadHops: 2 } }],
  ['SAGE, BatchNorm, zero', dense, '2x3', { ...model('sage', 'batch', 0.5), flx: { mask: 'zero' } }],
  [
    'SAGE, BatchNorm, segments',
    dense,
    '2x2',
    { ...model('sage', 'batch', 0.5), flx: { segments: [1, 2], mask: 'zero' } },
  ],
  ['ResSAGE+, BatchNorm', sparse, '2x2', { ...model('resSage', 'batch', 0.5), flx: {} }],
  ['ResSAGE+, segments', dense, '2x2', { ...model('resSage', 'layer', 0.5), flx: { segments: [1, 1, 1] } }],
  ['GAT, k = 2', sparse, '2x2', { ...model('gat', 'none', 0.5), flx: { preloadHops: 2 } }],
  ['deeper than the graph', sparse, '2x2', { ...model('sage', 'layer', 0.5, 6), flx: {} }],
  [
    'features sent once',
    sparse,
    '2x2',
    { ...model('gcn', 'none', 0.5), haloFeatures: 'once', flx: { preloadHops: 2 } },
  ],
];

describe('flexible preloading equals one device', () => {
  it.each(cases)('%s: loss and every gradient, bytes as planned', async (_name, data, cluster, options) => {
    const one = await oneDevice(data, { ...options, ...oneStep });
    const many = await trainGnn(data, { ...options, ...oneStep, cluster, mode: 'flx', partition: 'random' });
    const { metrics } = many;
    expectClose([metrics.trainLoss], [one.metrics.trainLoss], { rtol: 1e-5 });
    expect(relativeL2(flat(many.weights), flat(one.weights))).toBeLessThan(1e-5);
    expect(metrics.valAccuracy).toBe(one.metrics.valAccuracy);
    expect(metrics.interBytesPerEpoch).toBe(metrics.predicted.interBytesPerEpoch);
    expect(metrics.intraBytesPerEpoch).toBe(metrics.predicted.intraBytesPerEpoch);
    expect(metrics.preload.interBytes).toBe(metrics.preload.predicted.interBytes);
  });

  it.each(cases.filter(([name]) => ['SAGE, k = 1', 'SAGE, BatchNorm, segments', 'ResSAGE+, BatchNorm'].includes(name)))(
    '%s: parameters after 20 Adam steps',
    async (_name, data, cluster, options) => {
      const one = await oneDevice(data, { ...options, ...twenty });
      const many = await trainGnn(data, { ...options, ...twenty, cluster, mode: 'flx' });
      expect(relativeL2(flat(many.weights), flat(one.weights))).toBeLessThan(1e-4);
    },
  );

  it('with a device without vertices, and a server without training vertices', async () => {
    const partOf = partitionCluster(sparse.graph, [2], { method: 'fennel', seed: 1 }).map((r) => (r === 1 ? 3 : 0));
    const train = sparse.split.train.filter((v) => partOf[v] === 3);
    const data = { ...sparse, split: { ...sparse.split, train } };
    const options = { ...model('sage', 'batch', 0.5), ...oneStep };
    const one = await trainGnn(data, { ...options, cluster: '1x1' });
    const many = await trainGnn(data, {
      ...options,
      cluster: '2x2',
      mode: 'flx',
      partition: partOf,
      allowEmptyParts: true,
    });
    expect(relativeL2(flat(many.weights), flat(one.weights))).toBeLessThan(1e-5);
  });
});

describe('what crosses servers', () => {
  /** Remote vertices within k hops of each server, by definition, with sets. */
  function replicas(partOf: Int32Array, devices: number, k: number): number {
    const message = messageGraph(dense.graph);
    let total = 0;
    for (const server of new Set(partOf.map((r) => Math.floor(r / devices)))) {
      const seen = new Set<number>();
      partOf.forEach((r, v) => {
        if (Math.floor(r / devices) === server) seen.add(v);
      });
      const inner = seen.size;
      for (let j = 0; j < k; j++) {
        for (const v of [...seen]) {
          for (let e = message.indptr[v]!; e < message.indptr[v + 1]!; e++) seen.add(message.indices[e]!);
        }
      }
      total += seen.size - inner;
    }
    return total;
  }

  it.each([1, 2, 3])('features of replicas once, then rows in layers above k = %i only', async (preloadHops) => {
    const partition = partitionCluster(dense.graph, [2, 2], { method: 'fennel', seed: 2 });
    const options = { ...model('sage', 'layer', 0.5), epochs: 2, cluster: '2x2', partition } as const;
    const { metrics } = await trainGnn(dense, { ...options, mode: 'flx', flx: { preloadHops } });
    expect(metrics.preload.interBytes).toBe(4 * dense.numFeatures * replicas(partition, 2, preloadHops));
    const rows = metrics.traffic.filter((r) => r.class === 'inter' && ['forward', 'backward'].includes(r.phase));
    expect(rows.every((r) => r.layer! > preloadHops)).toBe(true);
    expect(rows.length > 0).toBe(preloadHops < 3);
  });
});

describe('masks', () => {
  it.each(['zero', 'prefix'] as const)(
    'mask %s: a server reads features L hops away, and none further',
    async (mask) => {
      // A path: server 0 owns 0 … 9 and alone has training vertices, so the loss is of its logits only.
      const n = 30;
      const graph = csrFromEdges({
        numVertices: n,
        sources: Int32Array.from({ length: n - 1 }, (_, v) => v),
        destinations: Int32Array.from({ length: n - 1 }, (_, v) => v + 1),
        symmetrize: true,
      });
      const own = Int32Array.from({ length: 10 }, (_, v) => v);
      const partition = Int32Array.from({ length: n }, (_, v) => (v < 10 ? 0 : 1));
      const rng = new Rng(4);
      const loss = async (changed: number) => {
        const values = Float32Array.from(
          { length: 5 * n },
          (_, i) => rng.normalAt(i) * (Math.floor(i / 5) === changed ? 3 : 1),
        );
        const data: typeof dense = {
          name: 'path',
          graph,
          numFeatures: 5,
          features: { kind: 'dense', values },
          labels: Int32Array.from({ length: n }, (_, v) => v % 2),
          numClasses: 2,
          split: { train: own, val: own, test: own },
        };
        const run = { ...model('sage', 'layer', 0), epochs: 1, cluster: '2x1', partition, mode: 'flx' } as const;
        return (await trainGnn(data, { ...run, flx: { preloadHops: 3, mask } })).metrics.trainLoss;
      };
      const base = await loss(-1);
      expect(await loss(13)).toBe(base);
      expect(await loss(12)).not.toBe(base);
    },
  );

  it('computing all rows or only those that count gives the same bits', async () => {
    const options = { ...model('sage', 'batch', 0.5), epochs: 2, cluster: '2x2', partition: 'random' } as const;
    const prefix = await trainGnn(dense, { ...options, mode: 'flx' });
    const zero = await trainGnn(dense, { ...options, mode: 'flx', flx: { mask: 'zero' } });
    expect(zero.metrics.finalTrainLoss).toBe(prefix.metrics.finalTrainLoss);
    expect(zero.metrics.parametersHash).toBe(prefix.metrics.parametersHash);
    expect(zero.metrics.intraBytesPerEpoch).toBeGreaterThan(prefix.metrics.intraBytesPerEpoch);
  });

  it('refuses hops and segments that do not fit the layers', async () => {
    const bad = (flx: object) => trainGnn(dense, { ...model('sage', 'layer', 0), mode: 'flx', flx, cluster: '2x2' });
    await expect(bad({ preloadHops: 4 })).rejects.toThrow('flx.preloadHops must be auto, or a whole number in 0 … 3');
    await expect(bad({ segments: [2, 2] })).rejects.toThrow('flx.segments must be whole numbers ≥ 1 that add up to 3');
    await expect(bad({ mask: 'none' })).rejects.toThrow('flx.mask must be one of zero, prefix');
  });
});
