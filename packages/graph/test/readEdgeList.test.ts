import { readFileSync, writeFileSync } from 'node:fs';
import { AbortedError, DataError, OptionError } from '@strata-ml/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { csrFromEdges, readEdgeList, writeEdgeList } from '../src/index.js';
import { anyEdges, columns, pairsOf } from './oracles/naive.js';
import { expectSameGraph } from './support/expectSameGraph.js';
import { failureOf, temporaryFolder } from './support/files.js';

const files = temporaryFolder();

describe('readEdgeList', () => {
  it('reads any mix of separators, comments, blank lines, line ends and weights, gzip or not', async () => {
    const text = '# c\n\n% d\r\n0 1 2.5\n1\t2\t-1e-3\r\n 3,0, 7 \n2;1;.5 rest\n\t\n4 4 1';
    for (const name of ['a.txt', 'a.csv.gz']) {
      const { graph, edgesInFile, format } = await readEdgeList(files.file(text, name), { directed: true });
      expect({ edgesInFile, format }).toEqual({ edgesInFile: 5, format: 'edge-list' });
      expect(pairsOf(graph)).toEqual([
        [3, 0],
        [0, 1],
        [2, 1],
        [1, 2],
        [4, 4],
      ]);
      expect([...graph.weights!]).toEqual([7, 2.5, 0.5, -1e-3, 1].map(Math.fround));
    }
  });

  it('returns what csrFromEdges builds from the same edges, wherever blocks end', async () => {
    const property = fc.asyncProperty(anyEdges, fc.boolean(), fc.boolean(), async ({ n, pairs }, directed, dedupe) => {
      const path = files.file(pairs.map(([u, v]) => `${u}\t${v}\n`).join('') || '#\n');
      const { graph } = await readEdgeList(path, { directed, dedupe, numVertices: n });
      expect(graph).toEqual(csrFromEdges({ numVertices: n, ...columns(pairs), symmetrize: !directed, dedupe }));
    });
    await fc.assert(property, { numRuns: 50 });
  });

  it('joins lines that straddle blocks: 300,000 lines of uneven length, one longer than a block', async () => {
    const count = 300_000;
    const pairs = Array.from({ length: count }, (_, i): [number, number] => [i, (i * 7919) % 1_000_003]);
    const lines = pairs.map(([u, v]) => `${u} ${v}\n`);
    lines.splice(1000, 0, `# ${'x'.repeat(3 << 20)}\n`);
    const { graph } = await readEdgeList(files.file(lines.join(''), 'big.txt.gz'), { directed: true });
    expectSameGraph(graph, csrFromEdges(columns(pairs)));
  });

  it('compacts sparse ids in ascending order and returns them', async () => {
    const path = files.file('9007199254740991 5\n5 70000000\n70000000 4294967296\n16777215 16777216\n');
    const { graph, originalIds } = await readEdgeList(path, { compactIds: true, directed: true });
    const ids = [5, 16_777_215, 16_777_216, 70_000_000, 2 ** 32, 2 ** 53 - 1];
    expect([...originalIds!]).toEqual(ids);
    expect(pairsOf(graph).map((pair) => pair.map((v) => ids[v]))).toEqual([
      [2 ** 53 - 1, 5],
      [16_777_215, 16_777_216],
      [5, 70_000_000],
      [70_000_000, 2 ** 32],
    ]);
  });

  it('numbers ids as a sorted set does, for small, large and colliding ids', async () => {
    const id = fc.oneof(
      fc.nat(50),
      fc.nat(2 ** 31 - 1),
      fc.maxSafeNat(),
      fc.nat(300).map((k) => 2 ** 24 + k * 2 ** 17),
    );
    const property = fc.asyncProperty(fc.array(fc.tuple(id, id), { minLength: 1, maxLength: 200 }), async (pairs) => {
      const path = files.file(pairs.map(([u, v]) => `${u} ${v}\n`).join(''));
      const { graph, originalIds } = await readEdgeList(path, { compactIds: true, directed: true, dedupe: false });
      expect([...originalIds!]).toEqual([...new Set(pairs.flat())].sort((a, b) => a - b));
      const named = pairsOf(graph).map((pair) => pair.map((v) => originalIds![v]));
      const order = (a: readonly unknown[], b: readonly unknown[]) =>
        Number(a[1]) - Number(b[1]) || Number(a[0]) - Number(b[0]);
      expect(named).toEqual([...pairs].sort(order));
    });
    await fc.assert(property, { numRuns: 50 });
  });

  it('keeps 200,000 hashed ids apart', async () => {
    const count = 200_000;
    const big = (i: number) => 2 ** 33 + i * 65_536;
    const path = files.file(Array.from({ length: count }, (_, i) => `${big(i)} ${big((i + 1) % count)}\n`).join(''));
    const { graph, originalIds } = await readEdgeList(path, { compactIds: true, directed: true });
    expect(originalIds!.every((value, i) => value === big(i))).toBe(true);
    expect(graph.indices.every((u, v) => u === (v + count - 1) % count)).toBe(true);
  });

  it('reads ids up to 2³¹ − 2 when the number of vertices says so, and can leave weights out', async () => {
    expect((await failureOf(readEdgeList(files.file('0 2147483646\n')))).message).toContain('compactIds');
    const plain = await readEdgeList(files.file('0 1 nonsense\n'), { weights: false });
    expect(plain.graph.weights).toBeUndefined();
    expect((await readEdgeList(files.file('id_1,id_2\n0,1\n'), { skipLines: 1 })).edgesInFile).toBe(1);
    expect((await readEdgeList(files.file('\ufeff0 1\n'))).edgesInFile).toBe(1);
    expect((await readEdgeList(files.file('# none\n'), { numVertices: 3 })).graph.numVertices).toBe(3);
  });

  it.each([
    [
      'a,b\n0,1\n',
      {},
      ':1: source id must be an integer ≥ 0, got "a"; if this line is a header, skip it with skipLines: 1',
    ],
    ['0 1\n# x\n2 x3\n', {}, ':3: destination id must be an integer ≥ 0, got "x3"'],
    ['0 1\n2 -3\n', {}, ':2: destination id must not be negative, got -3'],
    ['0 1\n\n2\n', {}, ':3: destination id must be an integer ≥ 0, got the end of the line'],
    ['0 1.5\n', {}, ':1: destination id must be an integer ≥ 0, got "1.5"'],
    ['0 1\n0 5\n', { numVertices: 5 }, ':2: destination id must be below 5, got 5; raise numVertices'],
    ['0 2147483647\n', {}, ':1: destination id must be below 2147483647, got 2147483647; rename ids'],
    ['0 99999999999999999999\n', { compactIds: true }, ':1: destination id must be below 9007199254740992'],
    ['0 1\n1 2 3\n', {}, ':2: every edge must have two columns'],
    ['0 1 2\n1 2\n', {}, ':2: every edge must have a weight'],
    ['0 1 w\n', {}, ':1: weight must be a finite number, got "w"'],
    ['0 1 1\n0 1 nan\n', {}, ':2: weight must be a finite number, got "nan"'],
    ['# only\n\n', {}, ': file must hold at least one edge'],
    ['', {}, ': file must not be empty'],
    ['0 3000000\n', {}, ': ids must be about as many as vertices, got ids up to 3000000 on 1 edges; rename them'],
  ])('refuses %j %j with path, line, value and remedy', async (text, options, message) => {
    const path = files.file(text);
    const error = await failureOf(readEdgeList(path, options));
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toContain(path + message);
  });

  it('says that a gzip is cut short or damaged, and that a file is missing or a folder', async () => {
    const whole = readFileSync(files.file('0 1\n'.repeat(100_000), 'whole.txt.gz'));
    const cut = files.file('', 'cut.txt');
    writeFileSync(cut, whole.subarray(0, whole.length >> 1));
    const damaged = files.file('', 'damaged.txt');
    writeFileSync(damaged, Buffer.concat([whole.subarray(0, 30), Buffer.alloc(30, 255), whole.subarray(60)]));
    for (const [path, text] of [
      [cut, 'gzip data must be complete, but the file ends too early; copy or download it again'],
      [damaged, 'gzip data must be intact'],
      [files.path('missing.txt'), 'file must exist and be readable, got ENOENT'],
      [files.folder, 'got a folder'],
    ] as const) {
      const error = await failureOf(readEdgeList(path));
      expect(error).toBeInstanceOf(DataError);
      expect(error.message).toContain(text);
    }
  });

  it('reports bytes as they are read and stops on abort', async () => {
    const path = files.file('0 1\n'.repeat(1_500_000));
    const seen: number[] = [];
    await readEdgeList(path, { onProgress: ({ bytesRead, totalBytes }) => seen.push(bytesRead / totalBytes) });
    expect(seen.length).toBeGreaterThan(3);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(seen.at(-1)).toBe(1);
    expect(await failureOf(readEdgeList(path, { signal: AbortSignal.abort() }))).toBeInstanceOf(AbortedError);
    const controller = new AbortController();
    const onProgress = () => controller.abort();
    expect(await failureOf(readEdgeList(path, { signal: controller.signal, onProgress }))).toBeInstanceOf(AbortedError);
  });

  it('refuses options that contradict each other', async () => {
    const path = files.file('0 1\n');
    expect(await failureOf(readEdgeList(path, { numVertices: 2, compactIds: true }))).toBeInstanceOf(OptionError);
    expect(await failureOf(readEdgeList(path, { numVertices: -1 }))).toBeInstanceOf(OptionError);
  });
});

describe('writeEdgeList', () => {
  it('writes what readEdgeList reads back, weights to the last bit, gzip or not', async () => {
    const weight = fc.float({ noNaN: true, noDefaultInfinity: true });
    const weighted = anyEdges.chain(({ n, pairs }) =>
      fc.record({
        n: fc.constant(n),
        pairs: fc.constant(pairs),
        weights: fc.infiniteStream(weight),
        undirected: fc.boolean(),
      }),
    );
    const property = fc.asyncProperty(weighted, fc.boolean(), async ({ n, pairs, weights, undirected }, gzip) => {
      const values = Float32Array.from(pairs, () => weights.next().value!);
      const g = csrFromEdges({ numVertices: n, ...columns(pairs), weights: values, symmetrize: undirected });
      const path = files.path(gzip ? 'out.tsv.gz' : 'out.tsv');
      await writeEdgeList(path, g, { directed: !undirected });
      const back = await readEdgeList(path, { directed: !undirected, numVertices: n });
      expect(back.graph.indptr).toEqual(g.indptr);
      expect(back.graph.indices).toEqual(g.indices);
      if (g.indices.length > 0) expect(back.graph.weights!.map((w) => w + 0)).toEqual(g.weights!.map((w) => w + 0));
    });
    await fc.assert(property, { numRuns: 60 });
  });

  it('writes files longer than its buffer', async () => {
    const sources = Int32Array.from({ length: 200_000 }, (_, i) => i);
    const g = csrFromEdges({ sources, destinations: sources.map((i) => (i * 31 + 1) % 200_000) });
    for (const name of ['long.tsv', 'long.tsv.gz']) {
      const path = files.path(name);
      await writeEdgeList(path, g);
      expectSameGraph((await readEdgeList(path, { directed: true, numVertices: g.numVertices })).graph, g);
    }
  });

  it('leaves nothing behind when the folder is missing or the graph is directed', async () => {
    const g = csrFromEdges({ sources: Int32Array.of(0), destinations: Int32Array.of(1) });
    expect(await failureOf(writeEdgeList(`${files.folder}/no/such/file`, g))).toBeInstanceOf(OptionError);
    expect(await failureOf(writeEdgeList(files.path('x'), g, { directed: false }))).toBeInstanceOf(OptionError);
    expect(files.leftovers()).toEqual([]);
  });
});
