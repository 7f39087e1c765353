import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OptionError } from '@strata-ml/core';
import { evaluateGnn, loadModel, predict, saveModel, trainGnn } from '@strata-ml/gnn-dist';
import { csrFromEdges, edgesOf, fromGraphology } from '@strata-ml/graph';
import { relativeL2 } from '@strata-ml/testing';
import { UndirectedGraph } from 'graphology';
import { describe, expect, it } from 'vitest';
import { awkwardGraph, flat } from './support/data.js';

const data = awkwardGraph(80, { sparse: true });
const layer = new URL('./support/myLayer.mjs', import.meta.url).href;
const shape = { layers: 2, hidden: 8, dropout: 0.5 } as const;

describe('a layer of one’s own', () => {
  it('written like GCN trains like GCN, on one device, on a cluster, and in other modes', async () => {
    const run = { epochs: 5, seed: 3, featureNorm: 'row' } as const;
    const gcn = await trainGnn(data, { ...run, model: { model: 'gcn', ...shape } });
    const own = { model: 'custom', layer, init: 'glorot', ...shape } as const;
    for (const more of [{}, { cluster: '2x2' }, { cluster: '2x2', mode: 'flx' }] as const) {
      const report = await trainGnn(data, { ...run, ...more, model: own });
      expect(relativeL2(flat(report.weights), flat(gcn.weights))).toBeLessThan(1e-5);
    }
  });

  it('is saved by the address of its module, loaded and scored', async () => {
    const report = await trainGnn(data, { epochs: 3, model: { model: 'custom', layer, ...shape } });
    const dir = mkdtempSync(join(tmpdir(), 'strata-own-'));
    try {
      saveModel(join(dir, 'model.safetensors'), report);
      const scores = await evaluateGnn(loadModel(join(dir, 'model.safetensors')), data);
      expect(scores.testAccuracy).toBeCloseTo(report.metrics.finalTestAccuracy, 6);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  it('must be named for custom, and only then', async () => {
    await expect(trainGnn(data, { model: { model: 'custom' } })).rejects.toThrow(OptionError);
    await expect(trainGnn(data, { model: { model: 'gcn', layer } })).rejects.toThrow('layer must be absent for gcn');
  });
});

describe('new vertices', () => {
  it('are scored on the graph with them in it; others far away keep their scores', async () => {
    const report = await trainGnn(data, { epochs: 5, model: { model: 'sage', ...shape } });
    const n = data.graph.numVertices;
    const { sources, destinations } = edgesOf(data.graph);
    const graph = csrFromEdges({
      numVertices: n + 1,
      sources: Int32Array.from([...sources, 5, n]),
      destinations: Int32Array.from([...destinations, n, 5]),
    });
    if (data.features.kind !== 'csr') throw new Error('sparse features expected');
    const { csr } = data.features;
    const indptr = Int32Array.from([...csr.indptr, csr.indices.length + 1]);
    const features = {
      kind: 'csr',
      csr: {
        rows: n + 1,
        cols: csr.cols,
        indptr,
        indices: Int32Array.from([...csr.indices, 2]),
        values: Float32Array.from([...csr.values!, 1]),
      },
    } as const;
    const more = { graph, features, numFeatures: data.numFeatures };
    const one = await predict(report, more, { vertices: Int32Array.of(n, 1) });
    expect(one.length).toBe(2 * data.numClasses);
    expect(one.every(Number.isFinite)).toBe(true);
    const before = await predict(report, data, { vertices: Int32Array.of(1) });
    expect([...one.subarray(data.numClasses)]).toEqual([...before]); // vertex 1 is isolated
    await expect(predict(report, more, { vertices: Int32Array.of(n + 1) })).rejects.toThrow('got 81');
  });
});

it('a graphology graph trains in a few lines', async () => {
  const g = new UndirectedGraph();
  for (let v = 0; v < 20; v++) g.addNode(`v${v}`, { x: [v < 10 ? 1 : 0, v % 2], side: v < 10 ? 0 : 1 });
  for (let v = 0; v < 20; v++) g.addEdge(`v${v}`, `v${v < 10 ? (v + 1) % 10 : 10 + ((v + 1) % 10)}`);
  const { graph } = fromGraphology(g);
  const { metrics } = await trainGnn(
    {
      name: 'rings',
      graph,
      numFeatures: 2,
      features: { kind: 'dense', values: Float32Array.from(g.mapNodes((_, a) => a.x as number[]).flat()) },
      labels: Int32Array.from(g.mapNodes((_, a) => a.side as number)),
      numClasses: 2,
      split: { train: Int32Array.of(0, 10), val: Int32Array.of(3, 13), test: Int32Array.of(6, 16) },
    },
    { epochs: 30, model: { model: 'gcn', hidden: 8, dropout: 0 } },
  );
  expect(metrics.testAccuracy).toBe(1);
});
