import { type TrainOptions, trainGnn } from '@strata-ml/gnn-dist';
import { messageGraph } from '@strata-ml/graph';
import { expectClose, relativeL2 } from '@strata-ml/testing';
import { describe, expect, it } from 'vitest';
import { libraCut } from '../src/plan/vertexCut.js';
import { awkwardGraph, flat } from './support/data.js';

const dense = awkwardGraph(80, { sparse: false });
const sparse = awkwardGraph(80, { sparse: true });
const model = (name: 'gcn' | 'sage' | 'resSage', norm: 'none' | 'layer' | 'batch', dropout: number, layers = 3) =>
  ({ model: { model: name, layers, hidden: 8, norm, dropout } }) as const;

type Report = Awaited<ReturnType<typeof trainGnn>>;
const rowBytes = ({ metrics }: Report) => metrics.interBytesPerEpoch + metrics.intraBytesPerEpoch;
function expectPlannedBytes({ metrics }: Report): void {
  expect(metrics.interBytesPerEpoch).toBe(metrics.predicted.interBytesPerEpoch);
  expect(metrics.intraBytesPerEpoch).toBe(metrics.predicted.intraBytesPerEpoch);
  const { predicted, ...counted } = metrics.preload;
  expect(counted).toEqual(predicted);
}

describe('libraCut', () => {
  const graph = messageGraph(dense.graph);
  const preferred = Int32Array.from({ length: 80 }, (_, v) => v % 3);
  const cut = libraCut(graph, { parts: 3, seed: 1, preferred });
  const edges = Array.from(graph.indices, (u, e) => {
    let v = 0;
    while (graph.indptr[v + 1]! <= e) v++;
    return { u, v, part: cut.partOfEdge[e]! };
  });

  it('gives each edge to one part, its reverse to the same, no part more than its cap', () => {
    const partOf = new Map(edges.map(({ u, v, part }) => [`${u} ${v}`, part]));
    for (const { u, v, part } of edges) expect(partOf.get(`${v} ${u}`)).toBe(part);
    for (const part of [0, 1, 2]) {
      // The reverse edge comes along, one above the cap.
      const load = edges.filter((e) => e.part === part).length;
      expect(load).toBeLessThanOrEqual(Math.ceil((edges.length / 3) * 1.05) + 1);
    }
  });

  it('makes a clone the master, the preferred one where there is one', () => {
    const clones = Array.from({ length: 80 }, () => new Set<number>());
    for (const { u, v, part } of edges) for (const end of [u, v]) clones[end]!.add(part);
    clones.forEach((parts, v) => {
      expect(parts.has(cut.masterOf[v]!)).toBe(true);
      if (parts.has(preferred[v]!)) expect(cut.masterOf[v]).toBe(preferred[v]);
    });
    // Greedy, it makes fewer clones than dealing edges out.
    const dealt = Array.from({ length: 80 }, () => new Set<number>());
    edges.forEach(({ u, v }, e) => {
      for (const end of [u, v]) dealt[end]!.add(e % 3);
    });
    const count = (sets: Set<number>[]) => sets.reduce((sum, set) => sum + set.size, 0);
    expect(count(clones)).toBeLessThan(0.8 * count(dealt));
  });

  it('leaves out what is not included', () => {
    const include = Uint8Array.from({ length: 80 }, (_, v) => (v % 4 === 0 ? 0 : 1));
    const part = libraCut(graph, { parts: 2, seed: 1, preferred: preferred.fill(0), include });
    edges.forEach(({ u, v }, e) => {
      expect(part.partOfEdge[e] === 0xffff).toBe(u % 4 === 0 || v % 4 === 0);
    });
    expect([...part.masterOf.keys()].every((v) => part.masterOf[v] === -1 || v % 4 !== 0)).toBe(true);
  });
});

describe('distgnn-cd0', () => {
  const cases: [string, typeof dense, string, TrainOptions][] = [
    ['GCN', dense, '2x2', model('gcn', 'none', 0.5)],
    ['SAGE, LayerNorm, sparse', sparse, '1x3', model('sage', 'layer', 0.5)],
    ['SAGE, BatchNorm, inductive', dense, '2x1', { ...model('sage', 'batch', 0.5), inductive: true }],
    ['ResSAGE+', dense, '1x2', model('resSage', 'layer', 0)],
  ];

  it.each(cases)('%s equals one device', async (_name, data, cluster, options) => {
    const step = { ...options, epochs: 1, optimizer: { optimizer: 'sgd', lr: 1e6 } } as const;
    const one = await trainGnn(data, { ...step, partition: 'range', cluster: '1x1' });
    const many = await trainGnn(data, { ...step, cluster, mode: 'distgnn-cd0', partition: 'random' });
    expectClose([many.metrics.trainLoss], [one.metrics.trainLoss], { rtol: 1e-5 });
    expect(relativeL2(flat(many.weights), flat(one.weights))).toBeLessThan(1e-5);
    expectPlannedBytes(many);
  });

  it('equals one device after 20 steps of Adam', async () => {
    const run = { ...model('sage', 'layer', 0.5), epochs: 20, evalEvery: 20 } as const;
    const one = await trainGnn(dense, { ...run, cluster: '1x1' });
    const many = await trainGnn(dense, { ...run, cluster: '2x1', mode: 'distgnn-cd0' });
    expect(relativeL2(flat(many.weights), flat(one.weights))).toBeLessThan(1e-4);
    expect(many.metrics.finalTestAccuracy).toBe(one.metrics.finalTestAccuracy);
    const { clones, masters, edges } = many.metrics.modeFacts;
    expect(masters).toBe(80);
    expect(edges).toBe(messageGraph(dense.graph).indices.length);
    // Up and down, forward and backward, three layers of eight columns.
    expect(rowBytes(many)).toBe((clones! - 80) * 4 * 8 * 4 * 3);
  });
});

describe('distgnn-cdr', () => {
  /** With such a rate parameters do not move. */
  const frozen = { optimizer: { optimizer: 'sgd', lr: 1e-25 }, cluster: '2x1', evalEvery: 9 } as const;

  it('is r epochs late: between two devices the loss of frozen parameters is exact from epoch L·r + 1 on, not before', async () => {
    const options = { ...model('gcn', 'none', 0, 2), ...frozen, epochs: 9 } as const;
    const exact = await trainGnn(dense, { ...options, mode: 'distgnn-cd0' });
    const late = await trainGnn(dense, { ...options, mode: 'distgnn-cdr', distgnn: { delay: 2 } });
    const loss = exact.metrics.finalTrainLoss;
    const difference = late.timeline.epochs.map((row) => Math.abs(row.loss - loss) / loss);
    expect(difference.slice(0, 4).every((d) => d > 1e-4)).toBe(true);
    expect(difference.slice(4).every((d) => d < 1e-6)).toBe(true);
    expect(rowBytes(late)).toBe(rowBytes(exact));
    expectPlannedBytes(late);
    // Evaluation is exact throughout.
    expect(late.metrics.finalTestAccuracy).toBe(exact.metrics.finalTestAccuracy);
  });

  it('trains with late sums, and without any', async () => {
    const run = { ...model('sage', 'layer', 0.5), epochs: 12, evalEvery: 12, cluster: '1x2' } as const;
    const late = await trainGnn(sparse, { ...run, mode: 'distgnn-cdr' });
    expect(late.metrics.finalTrainLoss).toBeLessThan(late.timeline.epochs[0]!.loss);
    const never = await trainGnn(sparse, { ...run, mode: 'distgnn-cdr', distgnn: { delay: 'never' } });
    expect(never.metrics.finalTrainLoss).toBeLessThan(never.timeline.epochs[0]!.loss);
    expect(rowBytes(never)).toBe(0);
    expectPlannedBytes(never);
    expect(never.metrics.parametersHash).not.toBe(late.metrics.parametersHash);
  });

  it('refuses what it cannot do', async () => {
    const gat = { model: { model: 'gat', layers: 2, hidden: 8, heads: 2 } } as const;
    await expect(trainGnn(dense, { ...gat, mode: 'distgnn-cd0' })).rejects.toThrow(/all edges of a vertex/);
    await expect(trainGnn(dense, { mode: 'distgnn-cdr', distgnn: { delay: 0 } })).rejects.toThrow(/delay must be/);
  });
});
