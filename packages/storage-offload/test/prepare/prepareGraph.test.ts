import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Rng } from '@strata-ml/core';
import { type CsrGraph, csrFromEdges, messageGraph, rmat } from '@strata-ml/graph';
import { normalisedWeights } from '@strata-ml/models';
import { afterAll, describe, expect, it } from 'vitest';
import { denseFeatures, type GraphStore, prepareGraph } from '../../src/index.js';

const root = mkdtempSync(join(tmpdir(), 'strata-prepare-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let folders = 0;
const fresh = () => join(root, `store-${folders++}`);

/** A graph with an isolated vertex, a self-loop that is there already, and whatever R-MAT draws. */
function exampleGraph(scale: number): CsrGraph {
  const drawn = rmat({ scale, edgeFactor: 4, rng: new Rng(3) });
  const sources = Int32Array.from([...drawn.indices, 1]);
  const destinations = new Int32Array(sources.length);
  for (let v = 0; v < drawn.numVertices; v++) destinations.fill(v, drawn.indptr[v]!, drawn.indptr[v + 1]!);
  destinations[sources.length - 1] = 1;
  return csrFromEdges({ numVertices: drawn.numVertices + 1, sources, destinations });
}

const exampleFeatures = (n: number, columns: number) =>
  Float32Array.from({ length: n * columns }, (_, i) => Math.sin(i + 1));

/** All edges of a store as `old source → old destination: weight`, from the blocks alone. */
async function edgesOfStore(store: GraphStore): Promise<Map<string, number>> {
  const edges = new Map<string, number>();
  const { parts, offsets } = store.meta;
  for (let p = 0; p < parts; p++) {
    const { rows, columns, rowPointers, columnIndices, weights, transposed } = await store.topology(p);
    const ids = Array.from({ length: rows }, (_, v) => offsets[p]! + v);
    for (let q = 0; q < parts; q++) for (const local of store.boundary(p, q)) ids.push(offsets[q]! + local);
    expect(ids).toHaveLength(columns);
    for (let v = 0; v < rows; v++) {
      for (let e = rowPointers[v]!; e < rowPointers[v + 1]!; e++) {
        const u = store.order[ids[columnIndices[e]!]!]!;
        const name = `${u}→${store.order[offsets[p]! + v]}`;
        expect(edges.has(name)).toBe(false);
        edges.set(name, weights?.[e] ?? 1);
      }
    }
    // The transposed copy is the same matrix, rows of a column ascending.
    for (let c = 0; c < columns; c++) {
      for (let e = transposed.rowPointers[c]!; e < transposed.rowPointers[c + 1]!; e++) {
        const v = transposed.columnIndices[e]!;
        if (e > transposed.rowPointers[c]!) expect(v).toBeGreaterThan(transposed.columnIndices[e - 1]!);
        const name = `${store.order[ids[c]!]}→${store.order[offsets[p]! + v]}`;
        expect(edges.get(name)).toBe(transposed.weights?.[e] ?? 1);
      }
    }
    expect(transposed.rowPointers[columns]).toBe(rowPointers[rows]);
  }
  return edges;
}

/** The same from the whole graph, weights as training in memory computes them. */
function edgesOfGraph(g: CsrGraph): Map<string, number> {
  const message = messageGraph(g);
  const inDegree = Int32Array.from({ length: g.numVertices }, (_, v) => message.indptr[v + 1]! - message.indptr[v]!);
  const outDegree = new Int32Array(g.numVertices);
  for (const u of message.indices) outDegree[u]!++;
  const weights = normalisedWeights(message, 'gcn', inDegree, outDegree);
  const edges = new Map<string, number>();
  for (let v = 0; v < g.numVertices; v++) {
    for (let e = message.indptr[v]!; e < message.indptr[v + 1]!; e++) {
      edges.set(`${message.indices[e]}→${v}`, weights[e]!);
    }
  }
  return edges;
}

describe('prepareGraph', () => {
  it.each([1, 2, 5])('holds every edge once with the weights of the whole graph, in %i parts', async (parts) => {
    const graph = exampleGraph(7);
    const n = graph.numVertices;
    const values = exampleFeatures(n, 3);
    const labels = Int32Array.from({ length: n }, (_, v) => (v % 7 === 0 ? -1 : v % 4));
    const split = { train: Int32Array.of(0, 5, 9), val: Int32Array.of(1), test: Int32Array.of(128, 3) };
    const store = await prepareGraph(
      { graph, features: denseFeatures(values, 3), labels, split },
      { folder: fresh(), parts, partition: { method: 'random' } },
    );
    try {
      const expected = edgesOfGraph(graph);
      const found = await edgesOfStore(store);
      expect(found.size).toBe(expected.size);
      for (const [name, weight] of expected) expect(found.get(name)).toBe(weight);
      expect(store.meta).toMatchObject({ vertices: n, edges: expected.size, parts, classes: 4, featureWidth: 3 });

      expect([...store.order].sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, v) => v));
      for (let v = 0; v < n; v++) {
        expect(store.order[store.position[v]!]).toBe(v);
        expect(store.labels[store.position[v]!]).toBe(labels[v]);
      }
      const chosen = (mask: Uint8Array) => [...mask.keys()].filter((i) => mask[i] === 1).map((i) => store.order[i]);
      expect(chosen(store.trainMask).sort()).toEqual([0, 5, 9]);
      expect(chosen(store.valMask)).toEqual([1]);
      expect(chosen(store.testMask).sort()).toEqual([128, 3]);
    } finally {
      await store.close();
    }
  });
});
