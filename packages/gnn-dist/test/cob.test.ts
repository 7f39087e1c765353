import { trainGnn } from '@strata-ml/gnn-dist';
import { messageGraph } from '@strata-ml/graph';
import { expectClose, relativeL2 } from '@strata-ml/testing';
import { describe, expect, it } from 'vitest';
import { type BatchPlan, batchSamplers, edgeRng, planBatch, seedsOf } from '../src/sample/batch.js';
import { drawNeighbours } from '../src/sample/neighbours.js';
import { awkwardGraph, flat } from './support/data.js';
import { type SageArrays, sageLoss } from './support/sageReference.js';

const data = awkwardGraph(80, { sparse: false });
const graph = messageGraph(data.graph);
const plan: BatchPlan = {
  graph,
  partOf: Int32Array.from({ length: 80 }, (_, v) => v % 4),
  train: data.split.train,
  outDegrees: Int32Array.from({ length: 80 }, (_, v) => graph.indptr[v + 1]! - graph.indptr[v]!),
  devicesPerServer: [2, 2],
  server: 0,
  layers: 3,
  seed: 3,
  sampler: 'sage',
  itersPerEpoch: 3,
  seeds: 'global',
  fanout: 3,
  eas: { hops: 1, fanout: 2, select: 'gain' },
};

describe('batches', () => {
  it.each(['global', 'local'] as const)('of an epoch hold every training vertex once (%s seeds)', (seeds) => {
    const all = [0, 1].flatMap((server) =>
      [0, 1, 2].flatMap((step) => [...seedsOf({ ...plan, seeds, server }, 5, step)]),
    );
    expect(all.sort((a, b) => a - b)).toEqual([...data.split.train].sort((a, b) => a - b));
    expect([...seedsOf({ ...plan, seeds }, 6, 0)]).not.toEqual([...seedsOf({ ...plan, seeds }, 5, 0)]);
  });

  it.each(batchSamplers)(
    '%s: each vertex lies on one device; a vertex of hop j is read by one of hop j − 1',
    (sampler) => {
      const { vertices, hops, devices } = planBatch({ ...plan, sampler }, 1, 1);
      expect(new Set(vertices).size).toBe(vertices.length);
      expect(devices.every((d) => d === 0 || d === 1)).toBe(true);
      const hopOf = new Map(Array.from(vertices, (v, i) => [v, hops[i]!]));
      const read = new Set<number>();
      for (const [v] of hopOf)
        for (let e = graph.indptr[v]!; e < graph.indptr[v + 1]!; e++) read.add(graph.indices[e]!);
      for (const [v, hop] of hopOf) if (hop > 0) expect(read.has(v)).toBe(true);
      if (sampler !== 'saint-node') {
        const seeds = [...seedsOf({ ...plan, sampler }, 1, 1)];
        expect([...hopOf].filter(([, hop]) => hop === 0).map(([v]) => v)).toEqual(seeds);
      }
    },
  );

  it('drawNeighbours: every in-neighbour equally often, fanout of them, none twice', () => {
    const hub = 0;
    const degree = graph.indptr[1]! - graph.indptr[0]!;
    const counts = new Map<number, number>();
    const rounds = 4000;
    for (let step = 0; step < rounds; step++) {
      const drawn = drawNeighbours(graph, hub, 3, edgeRng(1, 1, step, 1));
      expect(new Set(drawn).size).toBe(3);
      for (const u of drawn) counts.set(u, (counts.get(u) ?? 0) + 1);
    }
    const p = 3 / degree;
    const deviation = 4.5 * Math.sqrt(rounds * p * (1 - p));
    expect(counts.size).toBe(degree);
    for (const count of counts.values()) expect(Math.abs(count - rounds * p)).toBeLessThan(deviation);
  });
});

const model = { model: 'sage', layers: 3, hidden: 4, norm: 'none', dropout: 0 } as const;
const sgd = (lr: number) => ({ optimizer: 'sgd', lr, weightDecay: 0 }) as const;

describe('cooperative batching', () => {
  it('with sampled neighbours equals a message flow graph with the same drawn edges, computed in float64', async () => {
    const cob = { sampler: 'sage', fanout: plan.fanout, itersPerEpoch: 1 } as const;
    const run = (lr: number) =>
      trainGnn(data, {
        model,
        seed: 3,
        epochs: 1,
        optimizer: sgd(lr),
        cluster: '2x2',
        partition: 'random',
        mode: 'cob',
        cob,
      });
    const before = await run(1e-30);
    const after = await run(1);
    const edges = [1, 2, 3].map(
      (layer) => (v: number) => drawNeighbours(graph, v, plan.fanout, edgeRng(3, 1, 0, layer)),
    );
    const arrays = before.weights as unknown as SageArrays;
    const loss = (weights: SageArrays, neighbours = edges) => sageLoss(data, weights, 3, neighbours);
    expectClose([before.metrics.trainLoss], [loss(arrays)], { rtol: 1e-5 });
    // A union of the layers' edges, which vertex masks alone would compute, is something else.
    const union = (v: number) => Int32Array.from(new Set(edges.flatMap((of) => [...of(v)])));
    expect(Math.abs(loss(arrays, [union, union, union]) - loss(arrays)) / loss(arrays)).toBeGreaterThan(1e-3);

    // Central differences in float64, too small a step to cross a kink of ReLU.
    const h = 1e-6;
    const gradient = Object.entries(arrays).flatMap(([name, { shape, data: values }]) => {
      const moved = Float64Array.from(values);
      const at = (i: number, value: number) => {
        moved[i] = value;
        return loss({ ...arrays, [name]: { shape, data: moved } });
      };
      return Array.from(values, (value, i) => {
        const slope = (at(i, value + h) - at(i, value - h)) / (2 * h);
        moved[i] = value;
        return slope;
      });
    });
    const [first, second] = [flat(before.weights), flat(after.weights)];
    expect(
      relativeL2(
        first.map((value, i) => value - second[i]!),
        Float32Array.from(gradient),
      ),
    ).toBeLessThan(1e-5);
  });

  const steps = { epochs: 2, optimizer: sgd(0.1), seed: 3, mode: 'cob' } as const;

  it.each([
    ['sage', '2x2', 'batch'],
    ['full', '2x2', 'layer'],
    ['sage', '2x3', 'layer'],
    ['saint-node', '1x3', 'batch'],
    ['cluster', '1x2', 'layer'],
    ['eas', '1x2', 'batch'],
  ] as const)(
    'sampler %s on %s equals one device with the same draws, step by step',
    async (sampler, cluster, norm) => {
      const options = {
        ...steps,
        model: { ...model, norm, dropout: 0.5 },
        cob: { sampler, itersPerEpoch: 2, fanout: 3, background: cluster !== '2x3' },
      };
      const one = await trainGnn(data, { ...options, cluster: '1x1' });
      const many = await trainGnn(data, { ...options, cluster, partition: 'random' });
      expect(relativeL2(flat(many.weights), flat(one.weights))).toBeLessThan(1e-5);
      const { metrics } = many;
      expect(metrics.interBytesPerEpoch).toBe(metrics.predicted.interBytesPerEpoch);
      expect(metrics.intraBytesPerEpoch).toBe(metrics.predicted.intraBytesPerEpoch);
      const rows = metrics.traffic.filter((r) => r.class === 'inter' && ['forward', 'backward'].includes(r.phase));
      expect(rows).toEqual([]);
    },
  );

  it('loads fewer rows per server than its devices would each for themselves', () => {
    const rows = (devicesPerServer: number[], server: number) =>
      planBatch({ ...plan, sampler: 'full', devicesPerServer, server, itersPerEpoch: 4 }, 1, 0).vertices.length;
    // Two servers with two devices hold the same seeds as four servers with one device each.
    const cooperative = rows([2, 2], 0) + rows([2, 2], 1);
    const alone = [0, 1, 2, 3].reduce((sum, server) => sum + rows([1, 1, 1, 1], server), 0);
    expect(cooperative).toBeLessThan(alone);
  });
});
