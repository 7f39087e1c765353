import { readFileSync } from 'node:fs';
import { AbortedError, DataError } from '@strata-ml/core';
import { describe, expect, it } from 'vitest';
import { readGraph, readMatrixMarket } from '../src/index.js';
import { pairsOf, sorted } from './oracles/naive.js';
import { failureOf, temporaryFolder } from './support/files.js';

const files = temporaryFolder();
const golden = JSON.parse(readFileSync(new URL('./golden/graphs.json', import.meta.url), 'utf8')) as {
  matrixMarket: { field: string; symmetry: string; text: string; n: number; entries: [number, number, number][] }[];
};

describe('readMatrixMarket', () => {
  it.each(golden.matrixMarket)('reads what scipy wrote: $field, $symmetry', async ({ field, text, n, entries }) => {
    for (const name of ['m.mtx', 'm.mtx.gz']) {
      const { graph, format } = await readGraph(files.file(text, name));
      expect(format).toBe('matrix-market');
      expect(graph.numVertices).toBe(n);
      expect(pairsOf(graph)).toEqual(sorted(entries.map(([i, j]) => [i, j])));
      const value = new Map(
        entries.map(([i, j, x]) => [`${i}>${j}`, field === 'pattern' ? undefined : Math.fround(x)]),
      );
      pairsOf(graph).forEach(([i, j], e) => {
        expect(graph.weights?.[e]).toBe(value.get(`${i}>${j}`));
      });
    }
  });

  it('reads entry (i, j) as the edge i−1 → j−1, and as an undirected one on request', async () => {
    const path = files.file('%%MatrixMarket matrix coordinate pattern general\n%\n\n 3 3 2\n1 2\n3 3\n');
    expect(pairsOf((await readMatrixMarket(path)).graph)).toEqual([
      [0, 1],
      [2, 2],
    ]);
    expect(pairsOf((await readMatrixMarket(path, { directed: false })).graph)).toEqual([
      [1, 0],
      [0, 1],
      [2, 2],
    ]);
    expect(pairsOf((await readMatrixMarket(path, { selfLoops: 'drop' })).graph)).toEqual([[0, 1]]);
  });

  const banner = '%%MatrixMarket matrix coordinate real general\n';
  it.each([
    ['0 1\n', ':1: first line must start with "%%MatrixMarket matrix", got "0 1"'],
    ['%%MatrixMarket matrix array real general\n', ':1: matrix must be "coordinate" (sparse), got "array"'],
    ['%%MatrixMarket matrix coordinate complex general\n', ':1: values must be "pattern", "real" or "integer"'],
    ['%%MatrixMarket matrix coordinate real hermitian\n', ':1: symmetry must be "general" or "symmetric"'],
    [`${banner}% x\n`, ':3: file must hold a size line'],
    [`${banner}2 3 1\n1 1 1\n`, ':2: matrix of a graph must be square, got 2 rows and 3 columns'],
    [`${banner}2 2 1\n0 1 1\n`, ':3: row must be in 1 … 2, got 0'],
    [`${banner}2 2 1\n1 3 1\n`, ':3: column must be in 1 … 2, got 3'],
    [`${banner}2 2 1\n1 -1 1\n`, ':3: column must be in 1 … 2, got -1'],
    [`${banner}2 2 1\n1 2\n`, ':3: value must be a number, got the end of the line'],
    [`${banner}2 2 1\n1 2 x\n`, ':3: value must be a number, got "x"'],
    [`${banner}2 2 1\n1 2 inf\n`, ':3: value must be finite, got Infinity'],
    [`${banner}2 2 2\n1 2 1\n`, ': file must hold 2 entries as declared, got 1; it may be cut short'],
    [`${banner}2 2 1\n1 2 1\n2 1 1\n`, ':4: file must end after 1 entries, got more'],
    [`${banner}2 2 1.5\n`, ':2: number of entries must be an integer, got "1.5"'],
  ])('refuses %j', async (text, message) => {
    const path = files.file(text, 'bad.mtx');
    const error = await failureOf(readMatrixMarket(path));
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toContain(message);
    expect(error.message.startsWith(path)).toBe(true);
  });

  it('stops on abort', async () => {
    const path = files.file(`${banner}1 1 0\n`);
    expect(await failureOf(readMatrixMarket(path, { signal: AbortSignal.abort() }))).toBeInstanceOf(AbortedError);
  });
});
