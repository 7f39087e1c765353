import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { DataError, OptionError } from '@strata-ml/core';
import { isSymmetric } from '@strata-ml/graph';
import { describe, expect, it } from 'vitest';
import { datasetInfo, listDatasets, loadNodeDataset, type NodeDataset } from '../src/index.js';
import { hasRealData, realData, scratch, writeFolder } from './support/dataFolder.js';

const rowsOf = ({ graph }: NodeDataset) =>
  Array.from({ length: graph.numVertices }, (_, v) => [
    ...graph.indices.subarray(graph.indptr[v], graph.indptr[v + 1]),
  ]);

describe('loadNodeDataset, karate', () => {
  it('has Zachary’s 34 members, 78 friendships and two clubs of 17, whatever is on the disk', async () => {
    const data = await loadNodeDataset('karate', { roots: [] });
    expect(data.graph.numVertices).toBe(34);
    expect(data.graph.indices.length).toBe(2 * 78);
    expect(isSymmetric(data.graph)).toBe(true);
    expect([0, 1].map((c) => data.labels.filter((label) => label === c).length)).toEqual([17, 17]);
    const degree = (v: number) => data.graph.indptr[v + 1]! - data.graph.indptr[v]!;
    expect([degree(0), degree(33), degree(11)]).toEqual([16, 17, 1]); // Mr Hi, the officer, and the least of all
    expect([data.labels[0], data.labels[33]]).toEqual([0, 1]);
    const [split] = data.splits;
    expect([...split!.train, ...split!.val, ...split!.test].sort((a, b) => a - b)).toEqual([...Array(34).keys()]);
    for (const [part, perClub] of [
      [split!.train, 4],
      [split!.val, 4],
      [split!.test, 9],
    ] as const) {
      expect([0, 1].map((c) => part.filter((v) => data.labels[v] === c).length)).toEqual([perClub, perClub]);
    }
    expect(data.numFeatures).toBe(34);
  });
});

describe('loadNodeDataset, a folder anywhere', () => {
  it('reads edges, sparse features, labels and split into shared memory', async () => {
    const data = await loadNodeDataset(writeFolder());
    expect(rowsOf(data)).toEqual([
      [1, 2, 3],
      [0, 2],
      [0, 1, 3],
      [0, 2],
    ]);
    expect([...data.labels]).toEqual([0, 1, -1, 0]);
    expect(data.features).toEqual({
      kind: 'csr',
      csr: { rows: 4, cols: 3, indptr: Int32Array.of(0, 2, 2, 3, 4), indices: Int32Array.of(0, 2, 1, 0) },
    });
    expect(data.splits).toEqual([
      {
        train: Int32Array.of(0),
        val: Int32Array.of(3),
        test: Int32Array.of(1),
        description: 'by hand',
        published: true,
      },
    ]);
    for (const a of [data.graph.indices, data.labels, data.splits[0]!.train]) {
      expect(a.buffer).toBeInstanceOf(SharedArrayBuffer);
    }
  });

  it('reads dense features', async () => {
    const dense = Float32Array.of(1, 1, 2, 0, 0, 0, -1, 0, 1, 3, 0, 0);
    const sparseGone = { 'feat.indptr.i32.gz': undefined, 'feat.indices.i32.gz': undefined };
    const folder = writeFolder({ ...sparseGone, 'feat.dense.f32.gz': dense });
    expect((await loadNodeDataset(folder)).features).toEqual({ kind: 'dense', values: dense });
  });

  it('makes one-hot degree buckets where asked', async () => {
    const { features, numFeatures } = await loadNodeDataset(writeFolder(), { features: 'degree' });
    expect(numFeatures).toBe(3); // degrees 3, 2, 3, 2 fall into the bucket 2–3
    expect(features.kind === 'csr' && [...features.csr.indices]).toEqual([2, 2, 2, 2]);
  });

  it('reads several labels per vertex, with edge weights and without features', async () => {
    const folder = writeFolder({
      'meta.json': { num_nodes: 4, num_edges: 5, multi_label: { num_labels: 3, nnz: 4 } },
      'labels.i32.gz': undefined,
      'feat.indptr.i32.gz': undefined,
      'feat.indices.i32.gz': undefined,
      'split.json': undefined,
      'label.indptr.i32.gz': Int32Array.of(0, 2, 2, 3, 4),
      'label.indices.i32.gz': Int32Array.of(0, 2, 1, 0),
      'weights.i32.gz': Int32Array.of(1, 2, 3, 4, 5),
    });
    const data = await loadNodeDataset(folder);
    expect([...data.multiLabels!]).toEqual([1, 0, 1, 0, 0, 0, 0, 1, 0, 1, 0, 0]);
    expect([data.labels.length, data.numClasses, data.features.kind]).toEqual([0, 3, 'none']);
    expect([...data.graph.weights!]).toEqual([1, 2, 3, 1, 4, 2, 4, 5, 3, 5]);
    expect(data.splits.map(({ published }) => published)).toEqual([false]); // drawn
  });

  it('reads ten published splits and takes the one asked for', async () => {
    const table = Uint8Array.from({ length: 40 }, (_, i) => (i % 4 === Math.floor(i / 4) % 4 ? 0 : i % 2 ? 1 : 2));
    const folder = writeFolder({ 'split.json': undefined, 'splits.u8.gz': table });
    const all = await loadNodeDataset(folder);
    expect(all.splits.length).toBe(10);
    const { splits } = await loadNodeDataset(folder, { split: 3 });
    expect(splits).toEqual([all.splits[3]]);
    expect([...splits[0]!.train]).toEqual([3]); // vertex 2 has no label, so it is in no part
    expect([...splits[0]!.val, ...splits[0]!.test]).toEqual([1, 0]);
    await expect(loadNodeDataset(folder, { split: 10 })).rejects.toThrow(
      "split must be 'random' or an integer in 0 … 9",
    );
  });

  it('draws the same random split for the same seed, 60/20/20, disjoint, labelled only', async () => {
    const draw = async (seed: number) => (await loadNodeDataset('karate', { split: 'random', seed })).splits[0]!;
    const [a, again, b] = [await draw(5), await draw(5), await draw(6)];
    expect(again).toEqual(a);
    expect(b).not.toEqual(a);
    expect([a.train.length, a.val.length, a.test.length]).toEqual([20, 7, 7]);
    expect(new Set([...a.train, ...a.val, ...a.test]).size).toBe(34);
    const { splits } = await loadNodeDataset(writeFolder({ 'split.json': undefined }));
    expect([...splits[0]!.train, ...splits[0]!.val, ...splits[0]!.test].sort()).toEqual([0, 1, 3]);
  });

  const cut = gzipSync(new Uint8Array(40).map((_, i) => i * 7))
    .subarray(0, -9)
    .toString('latin1');
  it.each([
    ['no meta.json', { 'meta.json': undefined }, 'meta.json: cannot be read'],
    ['meta.json without a count', { 'meta.json': { num_edges: 1 } }, 'num_nodes'],
    ['meta.json that is not JSON', { 'meta.json': '{' }, 'must be JSON'],
    ['a truncated gzip', { 'edges.i32.gz': cut }, 'edges.i32.gz: gzip data are truncated or damaged'],
    ['something that is no gzip', { 'edges.i32.gz': 'hello' }, 'gzip data are truncated or damaged'],
    ['too few edges', { 'edges.i32.gz': Int32Array.of(0, 1) }, 'edges.i32.gz: array must hold 10 × 4 bytes, got 8'],
    ['too many edges', { 'edges.i32.gz': new Int32Array(999) }, 'must hold 10 × 4 bytes, got more'],
    [
      'an edge out of range',
      { 'edges.i32.gz': Int32Array.of(0, 1, 0, 2, 0, 4, 1, 2, 2, 3) },
      'must be in 0 … 3, got 4 at index 5',
    ],
    ['a negative vertex', { 'edges.i32.gz': Int32Array.of(0, 1, -1, 2, 0, 3, 1, 2, 2, 3) }, 'got -1 at index 2'],
    [
      'a label out of range',
      { 'labels.i32.gz': Int32Array.of(0, 2, 0, 0) },
      'labels must be in -1 … 1, got 2 at index 1',
    ],
    ['too few labels', { 'labels.i32.gz': Int32Array.of(0, 1, 0) }, 'labels.i32.gz: array must hold 4 × 4 bytes'],
    [
      'fewer feature rows than vertices',
      { 'feat.indptr.i32.gz': Int32Array.of(0, 2, 2, 4) },
      'features must have 4 rows, as the graph has vertices, got 3',
    ],
    ['row pointers that step back', { 'feat.indptr.i32.gz': Int32Array.of(0, 2, 1, 3, 4) }, 'got 1 after 2 at index 2'],
    [
      'a column out of range',
      { 'feat.indices.i32.gz': Int32Array.of(0, 3, 1, 0) },
      'columns of row 0 must ascend within 0 … 2, got 3 at index 1',
    ],
    ['columns out of order', { 'feat.indices.i32.gz': Int32Array.of(2, 0, 1, 0) }, 'got 0 at index 1'],
    [
      'a NaN feature',
      { 'feat.values.f32.gz': Float32Array.of(1, 1, Number.NaN, 1) },
      'feat.values.f32.gz: values must be finite, got NaN at index 2',
    ],
    [
      'features without a width',
      { 'meta.json': { num_nodes: 4, num_edges: 5, num_classes: 2 } },
      'num_features must be given',
    ],
    [
      'a split id out of range',
      { 'split.json': { train: [0], val: [3, 4], test: [] } },
      'val ids must be in 0 … 3, got 4 at index 1',
    ],
    [
      'overlapping parts',
      { 'split.json': { train: [0, 3], val: [1], test: [3] } },
      'test ids must be in one part once (this one is in train too), got 3 at index 0',
    ],
    ['an id twice', { 'split.json': { train: [0, 0], val: [], test: [] } }, 'got 0 at index 1'],
    [
      'an unlabelled training vertex',
      { 'split.json': { train: [0, 2], val: [], test: [] } },
      'train ids must be labelled vertices, got 2 at index 1',
    ],
    [
      'a split with an odd byte',
      { 'split.json': undefined, 'splits.u8.gz': new Uint8Array(40).fill(3, 17, 18) },
      'entries must be 0, 1 or 2, got 3 at index 17',
    ],
  ])('refuses %s and names file and place', async (_, changes, message) => {
    const folder = writeFolder(changes as Parameters<typeof writeFolder>[0]);
    const load = loadNodeDataset(folder);
    await expect(load).rejects.toThrow(DataError);
    await expect(load).rejects.toThrow(message);
    await expect(load).rejects.toThrow(folder);
  });

  it('refuses dense features with another number of rows, and NaN in them', async () => {
    const dense = (values: Float32Array) =>
      loadNodeDataset(writeFolder({ 'feat.indptr.i32.gz': undefined, 'feat.dense.f32.gz': values }));
    await expect(dense(new Float32Array(9))).rejects.toThrow(
      'features must have 4 rows of 3, as the graph has vertices, got 9 values (3 rows)',
    );
    await expect(dense(new Float32Array(12).fill(Number.NaN, 5))).rejects.toThrow('got NaN at index 5');
  });

  it('suggests close names for an unknown one, and says where to look', async () => {
    const load = (name: string) => loadNodeDataset(name, { roots: [] });
    await expect(load('corra')).rejects.toThrow(OptionError);
    await expect(load('corra')).rejects.toThrow('did you mean cora? `strata data list` shows the names');
    await expect(load('coauthor')).rejects.toThrow('did you mean coauthor-cs or coauthor-physics?');
    await expect(load('citeseer')).rejects.toThrow('strata data fetch citeseer');
    await expect(load('nothing-like-it')).rejects.toThrow('must be a known name, a folder or a graph file');
    await expect(loadNodeDataset('karate', { features: 'all' as 'given' })).rejects.toThrow(OptionError);
    await expect(loadNodeDataset('karate', { seed: 0.5 })).rejects.toThrow(OptionError);
  });

  it('refuses a registered data set whose file differs from its checksum', async () => {
    const root = join(writeFolder(), 'root');
    writeFolder({}, root, 'cora');
    const load = loadNodeDataset('cora', { roots: [root] });
    await expect(load).rejects.toThrow(DataError);
    await expect(load).rejects.toThrow(/SHA-256 must be [0-9a-f]{64}, got [0-9a-f]{64}/);
    const unchecked = await loadNodeDataset('cora', { roots: [root], verify: false });
    expect(unchecked.graph.numVertices).toBe(4);
  });
});

describe('loadNodeDataset, a graph file', () => {
  const file = (name: string, content: string | Uint8Array) => {
    const path = join(scratch, name);
    writeFileSync(path, content);
    return path;
  };
  const edges = '# comment\n0 1\n1 0\n2 1\n2 2\n';
  it.each([
    ['an edge list', file('g.txt', edges)],
    ['a compressed one', file('g.tsv.gz', gzipSync(edges))],
    ['Matrix Market', file('g.mtx', '%%MatrixMarket matrix coordinate pattern general\n3 3 3\n1 2\n2 3\n3 3\n')],
    ['METIS', file('g.graph', '3 2\n2\n1 3\n2\n')],
  ])('%s gives a symmetric graph without loops, features, labels and splits', async (_, path) => {
    const data = await loadNodeDataset(path);
    expect(rowsOf(data)).toEqual([[1], [0, 2], [1]]);
    expect([data.features.kind, data.numFeatures, data.numClasses, data.splits.length]).toEqual(['none', 0, 0, 0]);
    expect((await loadNodeDataset(path, { features: 'degree' })).numFeatures).toBe(3);
    await expect(loadNodeDataset(path, { split: 0 })).rejects.toThrow(OptionError);
  });

  it('passes on what the reader says about a bad line', async () => {
    await expect(loadNodeDataset(file('bad.txt', '0 1\n0 x\n'))).rejects.toThrow(DataError);
    await expect(loadNodeDataset(file('bad.txt', '0 1\n0 x\n'))).rejects.toThrow('bad.txt');
  });
});

describe.skipIf(!hasRealData)('loadNodeDataset, real data', () => {
  const roots = [realData];
  const present = listDatasets({ roots }).filter(
    (d) => d.isNodeDataset && d.name !== 'karate' && existsSync(join(realData, d.name)),
  );

  it.each(present.map(({ name }) => name))('%s has the counts of its meta.json', async (name) => {
    const { meta } = await datasetInfo(name, { roots });
    const data = await loadNodeDataset(name, { roots });
    expect(data.graph.numVertices).toBe(meta!.num_nodes);
    expect(data.graph.indices.length).toBe(2 * meta!.num_edges);
    expect(isSymmetric(data.graph)).toBe(true);
    expect(data.numFeatures).toBe(meta!.num_features ?? 0);
    if (Array.isArray(meta!.class_counts)) {
      const counts = meta!.class_counts.map((_, c) => data.labels.filter((label) => label === c).length);
      expect(counts).toEqual(meta!.class_counts);
    }
    if (meta!.multi_label) expect(data.multiLabels!.reduce((a, b) => a + b)).toBe(meta!.multi_label.nnz);
    expect(data.splits.length).toBe('published_splits' in meta! ? 10 : data.numClasses > 0 ? 1 : 0);
    if (data.features.kind === 'csr') {
      const { indptr, indices, values } = data.features.csr;
      const facts = meta!.features as { nnz: number; binary?: boolean };
      expect(indices.length).toBe(facts.nnz);
      expect(indptr[data.graph.numVertices]).toBe(facts.nnz);
      if (facts.binary) expect(values?.every((v) => v === 1) ?? true).toBe(true);
    }
  });

  it('takes one graph of a collection by name', async () => {
    const grid = await loadNodeDataset('plain-graphs/power-grid', { roots });
    expect([grid.graph.numVertices, grid.graph.indices.length]).toEqual([4941, 2 * 6594]);
    await expect(loadNodeDataset('plain-graphs', { roots })).rejects.toThrow('for example plain-graphs/wing');
    await expect(loadNodeDataset('mnist', { roots })).rejects.toThrow('one graph, and this holds images');
  });

  it('cora has the public split, published', async () => {
    const { splits } = await loadNodeDataset('cora', { roots });
    const [{ train, val, test, published }] = splits as [NodeDataset['splits'][number]];
    expect([train.length, val.length, test.length, published]).toEqual([140, 500, 1000, true]);
    expect((await loadNodeDataset('amazon-photo', { roots })).splits[0]!.published).toBe(false);
  });
});
