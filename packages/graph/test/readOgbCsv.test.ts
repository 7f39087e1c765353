import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { AbortedError, DataError } from '@strata-ml/core';
import { describe, expect, it } from 'vitest';
import { detectGraphFormat, readGraph, readNumberTable, readOgbCsv } from '../src/index.js';
import { pairsOf } from './oracles/naive.js';
import { failureOf, temporaryFolder } from './support/files.js';

const files = temporaryFolder();
const good: Record<string, string> = {
  'edge.csv.gz': '0,1\n2,1\n2,0\n',
  'num-node-list.csv.gz': '4\n',
  'num-edge-list.csv.gz': '3\n',
  'node-feat.csv.gz': '0.5,-1e-2\n1,2\n3,4\n5,6.25\n',
  'node-label.csv.gz': '3\n0\nnan\n1\n',
};

function folderOf(content: Record<string, string | undefined>, sub = ''): string {
  const folder = files.path('ogb');
  mkdirSync(join(folder, sub), { recursive: true });
  for (const [name, text] of Object.entries(content)) {
    if (text === undefined) continue;
    writeFileSync(join(folder, sub, name), name.endsWith('.gz') ? gzipSync(text) : text);
  }
  return folder;
}

describe('readOgbCsv', () => {
  it('reads graph, features and labels, from the folder or its raw sub-folder', async () => {
    for (const folder of [folderOf(good), folderOf(good, 'raw')]) {
      const ogb = await readOgbCsv(folder);
      expect(pairsOf(ogb.graph)).toEqual([
        [2, 0],
        [0, 1],
        [2, 1],
      ]);
      expect(ogb.graph.numVertices).toBe(4);
      expect([...ogb.features!]).toEqual([0.5, -1e-2, 1, 2, 3, 4, 5, 6.25].map(Math.fround));
      expect([...ogb.labels!]).toEqual([3, 0, -1, 1]);
      expect([ogb.numFeatures, ogb.labelColumns, ogb.edgesInFile]).toEqual([2, 1, 3]);
      expect(ogb.features!.buffer).toBeInstanceOf(SharedArrayBuffer);
      expect((await readGraph(folder, { directed: false })).graph.indices).toHaveLength(6);
    }
  });

  it('does without optional files, reads edge weights, and plain .csv', async () => {
    const ogb = await readOgbCsv(
      folderOf({ 'edge.csv': '0,1\n', 'num-node-list.csv': '2\n', 'edge-weight.csv': '2.5\n' }),
    );
    expect([ogb.features, ogb.labels, ogb.numFeatures, ogb.labelColumns]).toEqual([undefined, undefined, 0, 0]);
    expect([...ogb.graph.weights!]).toEqual([2.5]);
  });

  it.each([
    [{ 'edge.csv.gz': undefined }, 'folder must hold edge.csv.gz'],
    [{ 'num-node-list.csv.gz': undefined }, 'folder must hold num-node-list.csv.gz'],
    [{ 'num-node-list.csv.gz': '4\n5\n' }, 'file must hold one count ≥ 0 (a single graph), got 2 rows'],
    [{ 'num-edge-list.csv.gz': '4\n' }, 'file must hold 4 edges'],
    [{ 'edge.csv.gz': '0,1\n2,1\n2,4\n' }, 'ids of edge 3 must be in 0 … 3, got 4'],
    [{ 'edge.csv.gz': '0,1\n2,1\n-2,0\n' }, 'ids of edge 3 must be in 0 … 3, got -2'],
    [{ 'edge.csv.gz': '0,1\n2,x\n2,0\n' }, 'edge.csv.gz:2: column 2 must be a number, got "x"'],
    [{ 'edge.csv.gz': '0,1\n2,1.5\n2,0\n' }, 'edge.csv.gz:2: column 2 must be a 32-bit integer, got 1.5'],
    [{ 'edge.csv.gz': '0,1,2\n2,1,2\n2,0,1\n' }, 'rows must have 2 columns, source and destination, got 3'],
    [{ 'node-feat.csv.gz': '1,2\n3,4\n5,6\n' }, 'file must hold 4 rows, one per vertex, got 3'],
    [
      { 'node-feat.csv.gz': '1,2\n3\n5,6\n7,8\n' },
      'node-feat.csv.gz:2: row must have 2 columns as the first has, got 1',
    ],
    [{ 'node-feat.csv.gz': '1,2\n3,nan\n5,6\n7,8\n' }, 'node-feat.csv.gz:2: column 2 must be finite, got NaN'],
    [{ 'node-label.csv.gz': '1\n2\n' }, 'file must hold 4 rows, one per vertex, got 2'],
  ])('refuses %j', async (change, message) => {
    const error = await failureOf(readOgbCsv(folderOf({ ...good, ...change })));
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toContain(message);
  });

  it('stops on abort', async () => {
    const reading = readOgbCsv(folderOf(good), { signal: AbortSignal.abort() });
    expect(await failureOf(reading)).toBeInstanceOf(AbortedError);
  });
});

describe('readNumberTable', () => {
  it('reads every number as Number(text) does', async () => {
    const texts = [
      '0',
      '-0',
      '1e3',
      '.5',
      '5.',
      '0.1',
      '123456789012345678',
      '1.7976931348623157e38',
      '-4.9e-45',
      '3.14159265358979',
    ];
    const { values } = await readNumberTable(files.file(texts.join('\n')));
    expect([...values]).toEqual(texts.map((text) => Math.fround(Number(text))));
    const tail = await readNumberTable(files.file('1 2\n3 4'), { dtype: 'int32' });
    expect(tail).toEqual({ rows: 2, columns: 2, values: tail.values });
    expect([...tail.values]).toEqual([1, 2, 3, 4]);
  });
});

describe('detectGraphFormat', () => {
  it('tells folders, extensions and banners apart', async () => {
    expect(await detectGraphFormat(files.folder)).toBe('ogb-csv');
    expect(await detectGraphFormat('x.graph')).toBe('metis');
    expect(await detectGraphFormat('x.METIS.gz')).toBe('metis');
    expect(await detectGraphFormat('x.mtx.gz')).toBe('matrix-market');
    expect(await detectGraphFormat(files.file('%%MatrixMarket matrix', 'a.txt.gz'))).toBe('matrix-market');
    expect(await detectGraphFormat(files.file('% c\n0 1', 'a.dat'))).toBe('edge-list');
    const error = await failureOf(readGraph(files.file('0 1\n'), { format: 'gml' as 'metis' }));
    expect(error.message).toContain('one of edge-list, binary, matrix-market, metis, ogb-csv, got "gml"');
  });
});
