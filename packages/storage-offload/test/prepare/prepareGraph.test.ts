import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { AbortedError, DataError, NonFiniteError, OptionError, Rng, ShapeError } from '@strata-ml/core';
import { loadNodeDataset } from '@strata-ml/datasets';
import { type CsrGraph, messageGraph, rmat, writeRmatEdges } from '@strata-ml/graph';
import { normalisedWeights } from '@strata-ml/models';
import { describe, expect, it } from 'vitest';
import {
  denseFeatures,
  fileFeatures,
  type GraphStore,
  openGraphStore,
  prepareGraph,
  randomFeatures,
  sparseFeatures,
  verifyGraphStore,
} from '../../src/index.js';
import { exampleFeatures, exampleGraph, temporaryFolders } from '../support.js';

const fresh = temporaryFolders();

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
        if (edges.has(name)) throw new Error(`${name} is there twice`);
        edges.set(name, weights?.[e] ?? 1);
      }
    }
    // The transposed copy is the same matrix, rows of a column ascending.
    for (let c = 0; c < columns; c++) {
      for (let e = transposed.rowPointers[c]!; e < transposed.rowPointers[c + 1]!; e++) {
        const v = transposed.columnIndices[e]!;
        const name = `${store.order[ids[c]!]}→${store.order[offsets[p]! + v]}`;
        const isAscending = e === transposed.rowPointers[c]! || v > transposed.columnIndices[e - 1]!;
        if (!isAscending || edges.get(name) !== (transposed.weights?.[e] ?? 1)) throw new Error(`${name} transposed`);
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

/** Input features of a store in the order of the source. */
async function featuresOfStore(store: GraphStore): Promise<Float32Array> {
  const { parts, offsets, vertices, featureWidth } = store.meta;
  const out = new Float32Array(vertices * featureWidth);
  for (let p = 0; p < parts; p++) {
    const bytes = new Uint8Array(new SharedArrayBuffer(store.features.paddedBytes(p)));
    await store.features.read(p, bytes).done();
    const rows = new Float32Array(bytes.buffer);
    for (let v = 0; v < store.rows(p); v++) {
      const row = rows.subarray(v * featureWidth, (v + 1) * featureWidth);
      out.set(row, store.order[offsets[p]! + v]! * featureWidth);
    }
  }
  return out;
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
      { folder: fresh(), parts, partition: { method: 'random' }, mode: 'buffered', workers: 1 },
    );
    try {
      const expected = edgesOfGraph(graph);
      const found = await edgesOfStore(store);
      expect(found).toEqual(expected);
      expect(store.meta).toMatchObject({ vertices: n, edges: expected.size, parts, classes: 4, featureWidth: 3 });
      expect(await featuresOfStore(store)).toEqual(values);

      expect([...store.order].sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, v) => v));
      expect([...store.position].map((i) => store.order[i])).toEqual(Array.from({ length: n }, (_, v) => v));
      expect([...store.position].map((i) => store.labels[i])).toEqual([...labels]);
      const chosen = (mask: Uint8Array) =>
        [...mask.keys()]
          .filter((i) => mask[i] === 1)
          .map((i) => store.order[i]!)
          .sort((a, b) => a - b);
      expect(chosen(store.trainMask)).toEqual([0, 5, 9]);
      expect(chosen(store.valMask)).toEqual([1]);
      expect(chosen(store.testMask)).toEqual([3, 128]);
      expect(await verifyGraphStore(store)).toMatchObject({ partitions: parts, edges: expected.size });
    } finally {
      await store.close();
    }
  });

  it('reports what the partition costs, parts without vertices included', async () => {
    const graph = exampleGraph(6);
    const n = graph.numVertices;
    const partition = Int32Array.from({ length: n }, (_, v) => (v % 3 === 2 ? 3 : v % 3));
    const store = await prepareGraph(
      { graph, features: randomFeatures(2) },
      { folder: fresh(), parts: 4, partition, weights: 'none', mode: 'buffered', workers: 1 },
    );
    try {
      const { offsets, partitioner, expandedRows, nonZeros } = store.meta;
      expect(store.rows(2)).toBe(0);
      expect(store.dependencies(2)).toEqual([2]);
      expect((await store.topology(2)).columns).toBe(0);
      expect((await store.topology(0)).weights).toBeNull();
      const message = messageGraph(graph);
      const sources = [0, 1, 2, 3].map((p) => {
        const found = new Set<number>();
        for (let v = 0; v < n; v++) {
          if (partition[v] !== p) continue;
          for (const u of message.indices.subarray(message.indptr[v], message.indptr[v + 1])) found.add(u);
        }
        return found;
      });
      expect(expandedRows).toEqual(sources.map(({ size }) => size));
      const sizes = [0, 1, 2, 3].map((p) => offsets[p + 1]! - offsets[p]!);
      const needed = sources.map((set, p) => new Set([p, ...[...set].map((u) => partition[u]!)]));
      expect([0, 1, 2, 3].map((p) => [...store.dependencies(p)])).toEqual(
        needed.map((owners) => [...owners].sort((a, b) => a - b)),
      );
      expect(partitioner.alpha).toBeCloseTo(expandedRows.reduce((a, b) => a + b) / n, 12);
      const read = needed.flatMap((owners) => [...owners].map((q) => sizes[q]!)).reduce((a, b) => a + b);
      expect(partitioner.rho).toBeCloseTo(read / n, 12);
      let cut = 0;
      for (let v = 0; v < n; v++) {
        for (const u of message.indices.subarray(message.indptr[v], message.indptr[v + 1])) {
          if (partition[u] !== partition[v]) cut++;
        }
      }
      expect(partitioner.cutEdges).toBe(cut);
      expect(nonZeros.reduce((a, b) => a + b)).toBe(message.indices.length);
    } finally {
      await store.close();
    }
  });

  it('makes the same of an edge file with duplicates, self-loops and one direction, by methods that stream', async () => {
    const graph = rmat({ scale: 8, edgeFactor: 4, rng: new Rng(9) });
    const pairs: number[] = [];
    for (let v = 0; v < graph.numVertices; v++) {
      for (const u of graph.indices.subarray(graph.indptr[v], graph.indptr[v + 1])) if (u < v) pairs.push(u, v);
    }
    const file = `${fresh()}.i32`;
    writeFileSync(
      file,
      new Uint8Array(Int32Array.from([...pairs, 7, 7, pairs[0]!, pairs[1]!, pairs[3]!, pairs[2]!]).buffer),
    );
    const features = `${fresh()}.f32`;
    const values = exampleFeatures(graph.numVertices, 5);
    writeFileSync(features, new Uint8Array(values.buffer));
    const options = { parts: 3, partition: { method: 'hash' }, mode: 'buffered', workers: 1 } as const;
    const rows = await fileFeatures(features, 5);
    const streamed = await prepareGraph(
      { graph: { path: file, vertices: 256 }, features: rows },
      { folder: fresh(), ...options },
    );
    const inMemory = await prepareGraph({ graph, features: denseFeatures(values, 5) }, { folder: fresh(), ...options });
    try {
      expect(await edgesOfStore(streamed)).toEqual(await edgesOfStore(inMemory));
      expect(await featuresOfStore(streamed)).toEqual(values);
      expect(streamed.meta.offsets).toEqual(inMemory.meta.offsets);
    } finally {
      await streamed.close();
      await inMemory.close();
    }
  });

  it('streams the partitioner too where the graph does not fit the budget', async () => {
    // 40 bytes an edge is what the graph would take in memory.
    const file = `${fresh()}.i32`;
    const { edges } = await writeRmatEdges(file, { scale: 13, edgeFactor: 64, rng: new Rng(2) });
    const hostMemory = 39 * edges;
    const source = { graph: { path: file }, features: randomFeatures(1) };
    const options = { parts: 32, hostMemory, mode: 'buffered', workers: 1 } as const;
    const store = await prepareGraph(source, { folder: fresh(), ...options });
    expect(store.meta.partitioner.method).toBe('grem');
    expect(store.meta.edges).toBe(2 * edges + store.meta.vertices);
    expect(store.meta.preparation.peakBytes).toBeLessThanOrEqual(hostMemory);
    await store.close();
    const inMemory = prepareGraph(source, { folder: fresh(), ...options, partition: { method: 'multilevel' } });
    await expect(inMemory).rejects.toThrow(`at least ${40 * edges} for multilevel`);
  });

  it('writes sparse features as dense rows', async () => {
    const graph = exampleGraph(4);
    const csr = {
      rows: 17,
      cols: 3,
      indptr: Int32Array.from({ length: 18 }, (_, v) => Math.min(v, 2)),
      indices: Int32Array.of(2, 0),
      values: Float32Array.of(0.5, -1),
    };
    const store = await prepareGraph(
      { graph, features: sparseFeatures(csr) },
      { folder: fresh(), parts: 2, mode: 'buffered', workers: 1 },
    );
    expect([...(await featuresOfStore(store)).subarray(0, 7)]).toEqual([0, 0, 0.5, -1, 0, 0, 0]);
    await store.close();
  });

  it('takes a data set as it is loaded', async () => {
    const { graph, features, labels, numClasses, splits } = await loadNodeDataset('karate');
    const rows = features.kind === 'csr' ? sparseFeatures(features.csr) : randomFeatures(3);
    const source = { graph, features: rows, labels, classes: numClasses, split: splits[0]! };
    const store = await prepareGraph(source, { folder: fresh(), parts: 2, mode: 'buffered', workers: 1 });
    expect(await edgesOfStore(store)).toEqual(edgesOfGraph(graph));
    expect(store.meta).toMatchObject({ vertices: 34, edges: 2 * 78 + 34, classes: 2 });
    expect(store.trainMask.reduce((a, b) => a + b, 0)).toBe(splits[0]!.train.length);
    await store.close();
  });

  it('opens what is there already, refuses what is not the same, and replaces when told to', async () => {
    const graph = exampleGraph(5);
    const folder = fresh();
    const source = { graph, features: randomFeatures(2, 4) };
    const options = { folder, parts: 2, partition: { method: 'range' }, mode: 'buffered', workers: 1 } as const;
    const keyOf = async (promise: Promise<GraphStore>) => {
      const store = await promise;
      await store.close();
      return store.meta;
    };
    const first = await keyOf(prepareGraph(source, options));
    expect(await keyOf(prepareGraph(source, options))).toEqual(first);
    for (const change of [
      () => prepareGraph(source, { ...options, parts: 3 }),
      () => prepareGraph(source, { ...options, weights: 'none' }),
      () => prepareGraph(source, { ...options, partition: { method: 'random' } }),
      () => prepareGraph({ ...source, features: randomFeatures(2, 5) }, options),
      () => prepareGraph({ ...source, graph: exampleGraph(6) }, options),
      () => prepareGraph({ ...source, labels: new Int32Array(33) }, options),
    ]) {
      await expect(change()).rejects.toThrow('other data or with other options');
    }
    expect((await keyOf(prepareGraph(source, { ...options, parts: 3, replace: true }))).parts).toBe(3);
    const other = dirname(folder);
    await expect(prepareGraph(source, { ...options, folder: other })).rejects.toThrow('new, empty or a prepared graph');
  });

  it('says how much memory it needs when the budget is too small, and leaves nothing behind', async () => {
    const graph = exampleGraph(10);
    const folder = fresh();
    const run = (hostMemory: number) =>
      prepareGraph(
        { graph, features: randomFeatures(64) },
        { folder, parts: 2, hostMemory, mode: 'buffered', workers: 1 },
      );
    const error = await run(1e6).catch((e: unknown) => e as OptionError);
    expect(error).toBeInstanceOf(OptionError);
    const needed = Number(/at least (\d+) bytes for 2 parts/.exec((error as Error).message)?.[1]);
    await expect(run(needed - 1)).rejects.toThrow(`at least ${needed} bytes`);
    expect(existsSync(folder)).toBe(false);
    await (await run(needed)).close();
    expect(readdirSync(dirname(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('refuses what does not fit together before it writes', async () => {
    const graph = exampleGraph(4);
    const features = randomFeatures(2);
    const run = (source: object, options: object = {}) =>
      prepareGraph({ graph, features, ...source }, { folder: fresh(), parts: 2, ...options });
    await expect(run({ features: denseFeatures(new Float32Array(20), 2) })).rejects.toThrow(ShapeError);
    await expect(run({ labels: new Int32Array(3) })).rejects.toThrow(ShapeError);
    await expect(run({ labels: new Int32Array(17).fill(3), classes: 3 })).rejects.toThrow('label of vertex 0');
    const split = { train: Int32Array.of(17), val: Int32Array.of(), test: Int32Array.of() };
    await expect(run({ split })).rejects.toThrow('split.train[0] must be in 0 … 16, got 17');
    await expect(run({}, { parts: 0 })).rejects.toThrow(OptionError);
    await expect(run({}, { partition: new Int32Array(3) })).rejects.toThrow(ShapeError);
    await expect(run({}, { partition: new Int32Array(17).fill(2) })).rejects.toThrow('part of vertex 0');
    await expect(run({}, { signal: AbortSignal.abort() })).rejects.toThrow(AbortedError);
    await expect(run({ graph: { path: join(fresh(), 'none.i32') } })).rejects.toThrow(DataError);
    const values = exampleFeatures(17, 2);
    values[9] = Number.NaN;
    const error = await run({ features: denseFeatures(values, 2) }, { workers: 1 }).catch((e: unknown) => e as Error);
    expect(error).toBeInstanceOf(NonFiniteError);
    expect((error as Error).message).toContain('element 9 is NaN');
  });

  it('opens nothing where nothing was prepared', async () => {
    await expect(openGraphStore(fresh())).rejects.toThrow('prepare the graph first');
    rmSync(fresh(), { force: true });
  });
});
