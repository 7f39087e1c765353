import { readFileSync } from 'node:fs';
import { DataError, OptionError, ShapeError } from '@strata-ml/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type CsrGraph,
  checkGraph,
  connectedComponents,
  csrFromEdges,
  degreeStatistics,
  degrees,
  inducedSubgraph,
  invertPermutation,
  isSymmetric,
  messageGraph,
  partitionMetrics,
  relabelGraph,
  symmetrizeGraph,
  transposeGraph,
} from '../src/index.js';
import { anyEdges, bothWays, columns, type Pairs, pairsOf, sorted, unique } from './oracles/naive.js';

const weighted = anyEdges.map(({ n, pairs }) => ({
  n,
  pairs,
  g: csrFromEdges({
    numVertices: n,
    ...columns(pairs),
    weights: Float32Array.from(pairs, ([u, v]) => 100 * u + v + 0.5),
  }),
}));
/** Each edge says in its weight which vertices it came from: a moved edge without its weight is noticed. */
const tagged = (g: CsrGraph) => pairsOf(g).map(([u, v], e) => [u, v, g.weights![e]]);

describe('messageGraph', () => {
  it('drops duplicates and self-loops, then adds one self-loop of weight 1 per vertex', () => {
    const property = fc.property(weighted, fc.boolean(), ({ n, pairs, g }, dedupe) => {
      const message = messageGraph(dedupe ? g : csrFromEdges({ numVertices: n, ...columns(pairs), dedupe: false }));
      const plain = unique(pairs).filter(([u, v]) => u !== v);
      const loops = Array.from({ length: n }, (_, v): [number, number] => [v, v]);
      expect(pairsOf(message)).toEqual(sorted([...plain, ...loops]));
      if (dedupe) for (const [u, v, w] of tagged(message)) expect(w).toBe(u === v ? 1 : 100 * u! + v! + 0.5);
      expect(messageGraph(message)).toEqual(message);
    });
    fc.assert(property);
  });

  it('sorts rows that another program left unsorted', () => {
    const g = { numVertices: 3, indptr: Int32Array.of(0, 3, 3, 3), indices: Int32Array.of(2, 0, 1) };
    expect(pairsOf(messageGraph(g))).toEqual([
      [0, 0],
      [1, 0],
      [2, 0],
      [1, 1],
      [2, 2],
    ]);
  });
});

describe('transposeGraph, symmetrizeGraph, isSymmetric', () => {
  it('turn edges round, add the missing ones, and tell the difference', () => {
    const property = fc.property(weighted, ({ pairs, g }) => {
      const turned = transposeGraph(g);
      expect(pairsOf(turned)).toEqual(sorted(unique(pairs).map(([u, v]) => [v, u])));
      for (const [u, v, w] of tagged(turned)) expect(w).toBe(100 * v! + u! + 0.5);
      expect(transposeGraph(turned)).toEqual(g);
      const closure = sorted(unique(bothWays(pairs)));
      expect(isSymmetric(g)).toBe(closure.length === g.indices.length);
      const both = symmetrizeGraph(g);
      expect(pairsOf(both)).toEqual(closure);
      expect(isSymmetric({ ...both })).toBe(true); // a copy: found out, not remembered
    });
    fc.assert(property);
  });

  it('count duplicates: two arcs one way and one back are not symmetric', () => {
    const build = (pairs: Pairs) => csrFromEdges({ numVertices: 3, ...columns(pairs), dedupe: false });
    expect(
      isSymmetric(
        build([
          [0, 1],
          [0, 1],
          [1, 0],
        ]),
      ),
    ).toBe(false);
    expect(
      isSymmetric(
        build([
          [0, 1],
          [0, 1],
          [1, 0],
          [1, 0],
          [2, 2],
        ]),
      ),
    ).toBe(true);
  });
});

describe('inducedSubgraph', () => {
  it('keeps exactly the edges between listed vertices, in any order of the list', () => {
    const property = fc.property(weighted, fc.infiniteStream(fc.nat()), ({ n, pairs, g }, random) => {
      const shuffled = Array.from({ length: n }, (_, v) => [random.next().value!, v] as const).sort(
        (a, b) => a[0] - b[0],
      );
      const vertices = shuffled.map(([, v]) => v).slice(0, random.next().value! % (n + 1));
      const sub = inducedSubgraph(g, Int32Array.from(vertices));
      const local = new Map(vertices.map((v, i) => [v, i]));
      const expected = unique(pairs).filter(([u, v]) => local.has(u) && local.has(v));
      expect(sub.numVertices).toBe(vertices.length);
      expect(pairsOf(sub)).toEqual(sorted(expected.map(([u, v]) => [local.get(u)!, local.get(v)!])));
      for (const [u, v, w] of tagged(sub)) expect(w).toBe(100 * vertices[u!]! + vertices[v!]! + 0.5);
    });
    fc.assert(property);
  });

  it('refuses vertices that do not exist or repeat', () => {
    const g = csrFromEdges(columns([[0, 1]]));
    expect(() => inducedSubgraph(g, Int32Array.of(0, 2))).toThrow('vertices[1] must be in 0 … 1, got 2');
    expect(() => inducedSubgraph(g, Int32Array.of(1, 1))).toThrow(OptionError);
  });
});

describe('relabelGraph', () => {
  it('renames both ends of every edge, and the inverse undoes it', () => {
    const property = fc.property(weighted, fc.infiniteStream(fc.nat()), ({ n, pairs, g }, random) => {
      const order = Array.from({ length: n }, (_, v) => [random.next().value!, v] as const).sort((a, b) => a[0] - b[0]);
      const newIds = Int32Array.from(order, ([, v]) => v);
      const renamed = relabelGraph(g, newIds);
      expect(pairsOf(renamed)).toEqual(sorted(unique(pairs).map(([u, v]) => [newIds[u]!, newIds[v]!])));
      expect(relabelGraph(renamed, invertPermutation(newIds))).toEqual(g);
    });
    fc.assert(property);
    const g = csrFromEdges(columns([[0, 1]]));
    expect(() => relabelGraph(g, Int32Array.of(0))).toThrow(ShapeError);
    expect(() => relabelGraph(g, Int32Array.of(0, 0))).toThrow(OptionError);
    expect(() => relabelGraph(g, Int32Array.of(0, 2))).toThrow(OptionError);
  });
});

describe('checkGraph', () => {
  it('accepts graphs of this package and names what is wrong with others', () => {
    const good = csrFromEdges({
      ...columns([
        [0, 1],
        [1, 2],
      ]),
      weights: new Float32Array(2),
    });
    checkGraph(good);
    const bad = (change: object) => () => checkGraph({ ...good, ...change });
    expect(bad({ numVertices: 2 })).toThrow(ShapeError);
    expect(bad({ weights: new Float32Array(1) })).toThrow(ShapeError);
    expect(bad({ indptr: Int32Array.of(0, 1, 1, 1) })).toThrow(DataError);
    expect(bad({ indptr: Int32Array.of(0, 2, 1, 2) })).toThrow('must not descend, but does at row 1');
    expect(bad({ indices: Int32Array.of(0, 3) })).toThrow('neighbour of stored edge 1 must be in 0 … 2, got 3');
  });
});

const golden = JSON.parse(readFileSync(new URL('./golden/graphs.json', import.meta.url), 'utf8')) as {
  components: {
    n: number;
    edges: [number, number][];
    count: number;
    labels: number[];
    part: number[];
    cut: number;
    isolated: number;
    degrees: number[];
  }[];
};

describe('against scipy and networkx', () => {
  it.each(golden.components)('components, cut and degrees of $n vertices agree', (c) => {
    const directed = csrFromEdges({ numVertices: c.n, ...columns(c.edges) });
    const g = csrFromEdges({ numVertices: c.n, ...columns(c.edges), symmetrize: true });
    for (const { count, labels, sizes } of [connectedComponents(directed), connectedComponents(g)]) {
      expect(count).toBe(c.count);
      // Equal up to renaming, and ours are numbered by their smallest vertex.
      expect(new Set(c.labels.map((label, v) => `${label}=${labels[v]}`)).size).toBe(count);
      const first = Array.from({ length: count }, (_, k) => labels.indexOf(k));
      expect(first).toEqual([...first].sort((a, b) => a - b));
      expect([...sizes]).toEqual(Array.from({ length: count }, (_, k) => labels.filter((x) => x === k).length));
    }
    expect(partitionMetrics(g, Int32Array.from(c.part)).edgeCut).toBe(c.cut);
    const plain = csrFromEdges({ numVertices: c.n, ...columns(c.edges), symmetrize: true, selfLoops: 'drop' });
    expect([...degrees(plain).inDegrees]).toEqual(c.degrees);
    expect([...degrees(plain).outDegrees]).toEqual(c.degrees);
    expect(degreeStatistics(g).isolated).toBe(c.isolated);
  });
});

describe('degrees and degreeStatistics', () => {
  it('equal counting by hand', () => {
    const property = fc.property(anyEdges, ({ n, pairs }) => {
      const g = csrFromEdges({ numVertices: n, ...columns(pairs), dedupe: false });
      const { inDegrees, outDegrees } = degrees(g);
      const counted = Array.from({ length: n }, (_, v) => pairs.filter((pair) => pair[1] === v).length);
      expect([...inDegrees]).toEqual(counted);
      expect([...outDegrees]).toEqual(
        Array.from({ length: n }, (_, v) => pairs.filter((pair) => pair[0] === v).length),
      );
      const ascending = [...counted].sort((a, b) => a - b);
      const rank = (p: number) => ascending.find((d) => ascending.filter((x) => x <= d).length * 100 >= p * n)!;
      const stats = degreeStatistics(g);
      expect(stats).toMatchObject({
        numVertices: n,
        numEdges: pairs.length,
        min: ascending[0],
        max: ascending[n - 1],
        mean: pairs.length / n,
        median: (ascending[Math.floor((n - 1) / 2)]! + ascending[Math.floor(n / 2)]!) / 2,
        percentiles: { p25: rank(25), p75: rank(75), p90: rank(90), p99: rank(99) },
        selfLoops: pairs.filter(([u, v]) => u === v).length,
        isolated: counted.filter((_, v) => !pairs.some(([a, b]) => a !== b && (a === v || b === v))).length,
      });
      let next = 0;
      for (const { from, to, count } of stats.histogram) {
        expect(from).toBe(next);
        expect(count).toBe(counted.filter((d) => d >= from && d <= to).length);
        next = to + 1;
      }
      expect(next).toBe(stats.max + 1);
    });
    fc.assert(property);
  });

  it('are zero for a graph without vertices', () => {
    const empty = csrFromEdges(columns([]));
    expect(degreeStatistics(empty)).toMatchObject({ numVertices: 0, min: 0, max: 0, mean: 0, median: 0, isolated: 0 });
    expect(connectedComponents(empty).count).toBe(0);
  });
});
