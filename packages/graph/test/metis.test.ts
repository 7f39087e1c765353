import { readFileSync } from 'node:fs';
import { DataError, OptionError } from '@strata-ml/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { csrFromEdges, readGraph, readMetis, writeMetis } from '../src/index.js';
import { anyEdges, bothWays, columns, pairsOf, sorted } from './oracles/naive.js';
import { failureOf, temporaryFolder } from './support/files.js';

const files = temporaryFolder();
/** The graph of figure 2 in the METIS 5 manual, in the four forms that are printed there. */
const rows = [
  [5, 3, 2],
  [1, 3, 4],
  [5, 4, 2, 1],
  [2, 3, 6, 7],
  [1, 3, 6],
  [5, 4, 7],
  [6, 4],
];
const edgeWeights = [
  [1, 2, 1],
  [1, 2, 1],
  [3, 2, 2, 2],
  [1, 2, 2, 5],
  [1, 3, 2],
  [2, 2, 6],
  [6, 5],
];
const manual = {
  plain: '7 11\n5 3 2\n1 3 4\n5 4 2 1\n2 3 6 7\n1 3 6\n5 4 7\n6 4\n',
  edgeWeighted:
    '7 11 001\n5 1 3 2 2 1\n1 1 3 2 4 1\n5 3 4 2 2 2 1 2\n2 1 3 2 6 2 7 5\n1 1 3 3 6 2\n5 2 4 2 7 6\n6 6 4 5\n',
  bothWeighted:
    '7 11 011\n4 5 1 3 2 2 1\n2 1 1 3 2 4 1\n5 5 3 4 2 2 2 1 2\n3 2 1 3 2 6 2 7 5\n1 1 1 3 3 6 2\n6 5 2 4 2 7 6\n2 6 6 4 5\n',
  threeConstraints:
    '% a comment\n7 11 010 3\n1 2 0 5 3 2\n0 2 2 1 3 4\n4 1 1 5 4 2 1\n2 2 3 2 3 6 7\n1 1 1 1 3 6\n2 2 1 5 4 7\n1 2 1 6 4\n',
};
const expected = sorted(rows.flatMap((row, v) => row.map((u): [number, number] => [u - 1, v])));

describe('readMetis', () => {
  it('reads the graph of the METIS manual in its four forms', async () => {
    for (const text of Object.values(manual)) {
      const { graph, edgesInFile, format } = await readGraph(files.file(text, 'm.graph.gz'));
      expect([edgesInFile, format]).toEqual([11, 'metis']);
      expect(pairsOf(graph)).toEqual(expected);
    }
    const weightOf = new Map(
      rows.flatMap((row, v) => row.map((u, k) => [`${u - 1}>${v}`, edgeWeights[v]![k]!] as const)),
    );
    for (const text of [manual.edgeWeighted, manual.bothWeighted]) {
      const { graph } = await readMetis(files.file(text));
      expect(pairsOf(graph).map(([u, v]) => weightOf.get(`${u}>${v}`))).toEqual([...graph.weights!]);
    }
    expect((await readMetis(files.file(manual.edgeWeighted), { weights: false })).graph.weights).toBeUndefined();
    expect([...(await readMetis(files.file(manual.bothWeighted))).vertexWeights!]).toEqual([4, 2, 5, 3, 1, 6, 2]);
    const three = (await readMetis(files.file(manual.threeConstraints))).vertexWeights!;
    expect([...three]).toEqual([1, 2, 0, 0, 2, 2, 4, 1, 1, 2, 2, 3, 1, 1, 1, 2, 2, 1, 1, 2, 1]);
  });

  it('reads vertex sizes, isolated vertices and trailing blank lines', async () => {
    const { graph, vertexSizes, vertexWeights } = await readMetis(files.file('3 1 111\n7 8 3 5\n6 2\n5 1 1 5\n\n\n'));
    expect(pairsOf(graph)).toEqual([
      [2, 0],
      [0, 2],
    ]);
    expect([[...vertexSizes!], [...vertexWeights!], [...graph.weights!]]).toEqual([
      [7, 6, 5],
      [8, 2, 1],
      [5, 5],
    ]);
    expect((await readMetis(files.file('3 1\n3\n\n1\n'))).graph.numVertices).toBe(3);
    expect((await readMetis(files.file('2 0\n\n\n'))).graph.indices).toHaveLength(0);
  });

  it.each([
    ['%\n', ': file must start with the line "n m'],
    ['\n', ':1: first line must be "n m'],
    ['2 1 000 1 9\n', ':1: first line must be "n m [fmt [ncon]]", got also 9'],
    ['2 1 21\n', ':1: fmt must be three digits of 0 and 1, got 021'],
    ['x 1\n', ':1: number of vertices must be an integer, got "x"'],
    ['2 1\n2\n0\n', ':3: neighbour must be in 1 … 2, got 0; METIS counts vertices from 1'],
    ['2 1\n2\n3\n', ':3: neighbour must be in 1 … 2, got 3'],
    ['2 1\n2\n2\n', ':3: neighbour must be another vertex, got 2 itself'],
    ['2 1\n2\n', ': file must hold 2 vertex lines as declared, got 1; it may be cut short'],
    ['2 1\n2\n1\n1\n', ':4: file must end after 2 vertex lines, got more'],
    ['2 2\n2\n1\n', ': vertex lines must list 4 neighbours (each of the 2 declared edges twice), got 2'],
    ['3 1\n2 3\n\n\n', ': both ends must list an edge, but vertex 1 lists 2 and not the other way round'],
    ['3 1\n\n\n1 2\n', ': both ends must list an edge, but vertex 3 lists 1 and not the other way round'],
    ['2 1 1\n2 1\n1\n', ':3: edge weight must be a number, got the end of the line'],
  ])('refuses %j', async (text, message) => {
    const path = files.file(text, 'bad.graph');
    const error = await failureOf(readMetis(path));
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toContain(message);
  });
});

describe('writeMetis', () => {
  it('writes the file of the manual, neighbours ascending', async () => {
    const { graph } = await readMetis(files.file(manual.edgeWeighted));
    const path = files.path('out.graph');
    await writeMetis(path, graph);
    const lines = rows.map((row) => [...row].sort((a, b) => a - b).join(' '));
    expect(readFileSync(path, 'utf8')).toBe(`7 11\n${lines.join('\n')}\n`);
    await writeMetis(path, graph, { weights: true });
    expect((await readMetis(path)).graph).toEqual(graph);
  });

  it('writes what gpmetis accepts: every edge in both lists, ids from 1, no loops; reads back the same graph', async () => {
    const property = fc.asyncProperty(anyEdges, fc.boolean(), async ({ n, pairs }, gzip) => {
      const g = csrFromEdges({ numVertices: n, ...columns(pairs), symmetrize: true });
      const path = files.path(gzip ? 'out.graph.gz' : 'out.graph');
      await writeMetis(path, g);
      const { graph } = await readMetis(path);
      expect(graph.numVertices).toBe(n);
      const keys = new Set(
        bothWays(pairs)
          .filter(([u, v]) => u !== v)
          .map(String),
      );
      expect(new Set(pairsOf(graph).map(String))).toEqual(keys);
      if (gzip) return;
      const [head, ...lists] = readFileSync(path, 'utf8').trimEnd().split('\n');
      expect(head).toBe(`${n} ${keys.size / 2}`);
      expect(lists.join(' ').split(' ').filter(Boolean)).toHaveLength(keys.size);
    });
    await fc.assert(property, { numRuns: 50 });
  });

  it('refuses directed graphs and weights that METIS cannot hold, and leaves nothing behind', async () => {
    const directed = csrFromEdges({ sources: Int32Array.of(0), destinations: Int32Array.of(1) });
    const path = files.path('none.graph');
    expect(await failureOf(writeMetis(path, directed))).toBeInstanceOf(OptionError);
    for (const w of [0.5, 0, -1]) {
      const g = csrFromEdges({ ...columns([[0, 1]]), weights: Float32Array.of(w), symmetrize: true });
      expect((await failureOf(writeMetis(path, g, { weights: true }))).message).toContain(`an integer ≥ 1, got ${w}`);
    }
    expect(files.leftovers()).toEqual([]);
  });
});
