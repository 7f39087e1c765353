import { type EasSampleOptions, expansionAwareSample, hopSets, trainGnn } from '@strata-ml/gnn-dist';
import { csrFromEdges, messageGraph, partitionCluster } from '@strata-ml/graph';
import { relativeL2 } from '@strata-ml/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { awkwardGraph, flat } from './support/data.js';

const scenario = fc.integer({ min: 2, max: 25 }).chain((n) =>
  fc.record({
    n: fc.constant(n),
    edges: fc.array(fc.tuple(fc.nat(n - 1), fc.nat(n - 1)), { maxLength: 90 }),
    inner: fc.uniqueArray(fc.nat(n - 1), { minLength: 1, maxLength: n }).map((v) => Int32Array.from(v).sort()),
    hops: fc.integer({ min: 0, max: 3 }),
    fanout: fc.constantFrom(0, 1, 2, 5, Number.POSITIVE_INFINITY),
    select: fc.constantFrom('gain' as const, 'uniform' as const, 'degree' as const),
  }),
);

const build = (n: number, edges: readonly [number, number][]) =>
  messageGraph(
    csrFromEdges({
      numVertices: n,
      sources: Int32Array.from(edges, ([u]) => u),
      destinations: Int32Array.from(edges, ([, v]) => v),
    }),
  );

describe('expansionAwareSample', () => {
  it('selects remote vertices only, at most fanout per boundary vertex, the same for the same seed', () => {
    const property = fc.property(scenario, ({ n, edges, inner, ...options }) => {
      const graph = build(n, edges);
      const sample = expansionAwareSample(graph, inner, options);
      const own = new Set(inner);
      const remote = (v: number) =>
        graph.indices.subarray(graph.indptr[v]!, graph.indptr[v + 1]!).filter((u) => !own.has(u));
      expect([...sample.boundary]).toEqual([...inner].filter((v) => remote(v).length > 0));
      expect(sample.selected.every((u) => !own.has(u))).toBe(true);
      expect(sample.served.every((count) => count <= options.fanout)).toBe(true);
      if (options.hops === 1 && options.fanout < Number.POSITIVE_INFINITY) {
        expect(sample.selected.length).toBeLessThanOrEqual(options.fanout * sample.boundary.length);
      }
      if (options.select !== 'uniform' && options.hops >= 1) {
        // Every boundary vertex is served as far as its remote neighbours go.
        sample.boundary.forEach((v, i) => {
          expect(sample.served[i]).toBe(Math.min(options.fanout, remote(v).length));
        });
      }
      expect(expansionAwareSample(graph, inner, options)).toEqual(sample);
    });
    fc.assert(property);
  });

  it('with all neighbours and L hops is the server’s whole L-hop neighbourhood; with none, the server alone', () => {
    const property = fc.property(scenario, ({ n, edges, inner, hops, select }) => {
      const graph = build(n, edges);
      const all: EasSampleOptions = { hops, fanout: Number.POSITIVE_INFINITY, select };
      expect([...expansionAwareSample(graph, inner, all).hopOf]).toEqual([...hopSets(graph, inner, hops)]);
      expect(expansionAwareSample(graph, inner, { hops, fanout: 0, select }).selected.length).toBe(0);
    });
    fc.assert(property);
  });

  it('takes the vertex that serves most first', () => {
    // 0, 1, 2 are own; 3 is read by all of them, 4 and 5 by one each.
    const graph = build(6, [
      [3, 0],
      [3, 1],
      [3, 2],
      [4, 0],
      [5, 1],
    ]);
    expect([...expansionAwareSample(graph, Int32Array.of(0, 1, 2), { fanout: 1 }).selected]).toEqual([3]);
    expect([...expansionAwareSample(graph, Int32Array.of(0, 1, 2), { fanout: 2 }).selected]).toEqual([3, 4, 5]);
  });
});

const data = awkwardGraph(80, { sparse: true });
const options = {
  model: { model: 'sage', layers: 3, hidden: 8, norm: 'batch', dropout: 0.5 },
  epochs: 2,
  cluster: '2x2',
  seed: 3,
} as const;

describe('training on a sample', () => {
  it('with L hops and all neighbours has the bits of full preloading', async () => {
    const flx = await trainGnn(data, { ...options, mode: 'flx' });
    const eas = await trainGnn(data, {
      ...options,
      mode: 'flx-eas',
      eas: { hops: 3, fanout: Number.POSITIVE_INFINITY },
    });
    expect(eas.metrics.parametersHash).toBe(flx.metrics.parametersHash);
  });

  it('sends no rows between servers; copies cost 4 · F₀ bytes each, once', async () => {
    const partition = partitionCluster(data.graph, [2, 2], { method: 'random', seed: 2 });
    const eas = { hops: 2, fanout: 2 };
    const { metrics } = await trainGnn(data, { ...options, partition, mode: 'flx-eas', eas });
    const copies = [0, 1].map((server) => {
      const inner = Int32Array.from(partition.keys()).filter((v) => Math.floor(partition[v]! / 2) === server);
      return expansionAwareSample(messageGraph(data.graph), inner, { ...eas, seed: 3 }).hopOf.filter((d) => d > 0)
        .length;
    });
    expect(metrics.interBytesPerEpoch).toBe(0);
    expect(metrics.traffic.filter((r) => r.class === 'inter' && ['forward', 'backward'].includes(r.phase))).toEqual([]);
    expect(metrics.preload.interBytes).toBe(4 * data.numFeatures * (copies[0]! + copies[1]!));
    expect(metrics.intraBytesPerEpoch).toBe(metrics.predicted.intraBytesPerEpoch);
  });

  it('with fan-out 0 is training on isolated servers: one server alone gives its share', async () => {
    // All training vertices on server 0: the run equals one on the graph without edges to server 1.
    const partition = partitionCluster(data.graph, [1, 1], { method: 'random', seed: 2 });
    const train = data.split.train.filter((v) => partition[v] === 0);
    const isolated = csrFromEdges({
      numVertices: data.graph.numVertices,
      ...cutEdges(partition),
    });
    const shared = { ...options, model: { ...options.model, norm: 'layer' }, cluster: '2x1', partition } as const;
    const eas = await trainGnn(
      { ...data, split: { ...data.split, train } },
      { ...shared, mode: 'flx-eas', eas: { fanout: 0 } },
    );
    const alone = await trainGnn({ ...data, graph: isolated, split: { ...data.split, train } }, shared);
    expect(relativeL2(flat(eas.weights), flat(alone.weights))).toBeLessThan(1e-6);
  });

  it('draws again every so many epochs', async () => {
    const shared = { ...options, epochs: 4, mode: 'flx-eas', partition: 'random' } as const;
    const eas = { fanout: 2, select: 'uniform' } as const;
    const once = await trainGnn(data, { ...shared, eas });
    const again = await trainGnn(data, { ...shared, eas: { ...eas, resampleEvery: 2 } });
    expect(again.timeline.epochs.slice(0, 2).map((e) => e.loss)).toEqual(
      once.timeline.epochs.slice(0, 2).map((e) => e.loss),
    );
    expect(again.timeline.epochs[2]!.loss).not.toBe(once.timeline.epochs[2]!.loss);
  });

  it('features of a vertex that no server selected never matter', async () => {
    const partition = partitionCluster(data.graph, [1, 1], { method: 'random', seed: 2 });
    const train = data.split.train.filter((v) => partition[v] === 0);
    const inner = Int32Array.from(partition.keys()).filter((v) => partition[v] === 0);
    const { hopOf } = expansionAwareSample(messageGraph(data.graph), inner, { fanout: 1, seed: 3 });
    const changed = (v: number) => {
      if (data.features.kind !== 'csr') throw new Error('sparse features expected');
      const { csr } = data.features;
      const values = csr.values!.slice();
      values.fill(3, csr.indptr[v]!, csr.indptr[v + 1]!);
      return { ...data, split: { ...data.split, train }, features: { kind: 'csr', csr: { ...csr, values } } } as const;
    };
    const shared = {
      ...options,
      model: { ...options.model, norm: 'layer' },
      cluster: '2x1',
      partition,
      mode: 'flx-eas',
      eas: { fanout: 1 },
    } as const;
    const outside = hopOf.indexOf(-1);
    const copied = hopOf.indexOf(1);
    const plain = await trainGnn({ ...data, split: { ...data.split, train } }, shared);
    const far = await trainGnn(changed(outside), shared);
    const near = await trainGnn(changed(copied), shared);
    expect(far.metrics.parametersHash).toBe(plain.metrics.parametersHash);
    expect(near.metrics.parametersHash).not.toBe(plain.metrics.parametersHash);
  });
});

function cutEdges(partOf: Int32Array) {
  const sources: number[] = [];
  const destinations: number[] = [];
  const { indptr, indices, numVertices } = data.graph;
  for (let v = 0; v < numVertices; v++) {
    for (let e = indptr[v]!; e < indptr[v + 1]!; e++) {
      if (partOf[indices[e]!] !== partOf[v]) continue;
      sources.push(indices[e]!);
      destinations.push(v);
    }
  }
  return { sources: Int32Array.from(sources), destinations: Int32Array.from(destinations) };
}
