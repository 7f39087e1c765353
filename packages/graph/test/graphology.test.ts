import { DataError, OptionError, ShapeError } from '@strata-ml/core';
import fc from 'fast-check';
import { DirectedGraph, MultiGraph, UndirectedGraph } from 'graphology';
import { describe, expect, it } from 'vitest';
import { csrFromEdges, fromGraphology, toGraphology } from '../src/index.js';
import { anyEdges, bothWays, columns, pairsOf, sorted, unique } from './oracles/naive.js';

describe('fromGraphology', () => {
  it('reads directed, undirected and mixed edges, simple or multi, in node order', () => {
    const mixed = new MultiGraph({ type: 'mixed' });
    for (const id of ['c', 'a', 'b']) mixed.addNode(id);
    mixed.addDirectedEdge('a', 'b');
    mixed.addDirectedEdge('a', 'b');
    mixed.addUndirectedEdge('b', 'c');
    mixed.addUndirectedEdge('c', 'c');
    const { graph, nodeIds } = fromGraphology(mixed);
    expect(nodeIds).toEqual(['c', 'a', 'b']);
    expect(pairsOf(graph)).toEqual([
      [0, 0],
      [2, 0],
      [0, 2],
      [1, 2],
    ]);
    expect(fromGraphology(mixed, { dedupe: false }).graph.indices).toHaveLength(5);
    expect(fromGraphology(mixed, { selfLoops: 'drop' }).graph.indices).toHaveLength(3);
    expect(fromGraphology(new DirectedGraph()).graph.numVertices).toBe(0);
  });

  it('takes weights from the attribute, 1 where it is missing, and refuses anything but finite numbers', () => {
    const g = new UndirectedGraph();
    g.mergeEdge('x', 'y', { length: 2.5 });
    g.mergeEdge('y', 'z');
    expect([...fromGraphology(g, { weight: 'length' }).graph.weights!]).toEqual([2.5, 2.5, 1, 1]);
    expect(fromGraphology(g).graph.weights).toBeUndefined();
    for (const bad of ['3', NaN, null]) {
      g.mergeEdge('x', 'y', { length: bad });
      if (bad === null) continue; // null counts as missing
      expect(() => fromGraphology(g, { weight: 'length' })).toThrow(DataError);
      expect(() => fromGraphology(g, { weight: 'length' })).toThrow('attribute "length" of edge x – y');
    }
  });
});

describe('toGraphology', () => {
  it('round-trips every graph, directed or not, with ids and weights', () => {
    const property = fc.property(anyEdges, fc.boolean(), fc.boolean(), ({ n, pairs }, symmetrize, hasWeights) => {
      const weights = Float32Array.from(pairs, (_, i) => i + 0.5);
      const g = csrFromEdges({ numVertices: n, ...columns(pairs), symmetrize, ...(hasWeights ? { weights } : {}) });
      const nodeIds = Array.from({ length: n }, (_, v) => `node ${v}`);
      const out = toGraphology(g, { nodeIds });
      const list = symmetrize ? bothWays(pairs) : pairs;
      expect(out.order).toBe(n);
      if (symmetrize) expect(out).toBeInstanceOf(UndirectedGraph);
      for (const [u, v] of list) expect(out.hasEdge(`node ${u}`, `node ${v}`)).toBe(true);
      const back = fromGraphology(out, hasWeights ? { weight: 'weight' } : {});
      expect(back).toEqual({ graph: g, nodeIds });
      expect(pairsOf(back.graph)).toEqual(sorted(unique(list)));
    });
    fc.assert(property);
  });

  it('is directed when weights differ by direction or on request, and refuses what it cannot hold', () => {
    const two = {
      ...columns([
        [0, 1],
        [1, 0],
      ]),
      weights: Float32Array.of(1, 2),
    };
    expect(toGraphology(csrFromEdges(two))).toBeInstanceOf(DirectedGraph);
    const plain = csrFromEdges(
      columns([
        [0, 1],
        [1, 0],
      ]),
    );
    expect(toGraphology(plain, { type: 'directed' }).size).toBe(2);
    expect(toGraphology(plain).size).toBe(1);
    expect(() => toGraphology(csrFromEdges(columns([[0, 1]])), { type: 'undirected' })).toThrow(OptionError);
    expect(() => toGraphology(plain, { nodeIds: ['a'] })).toThrow(ShapeError);
    expect(() => toGraphology(plain, { nodeIds: ['a', 'a'] })).toThrow(OptionError);
    expect(() => toGraphology(plain, { type: 'mixed' as 'auto' })).toThrow(OptionError);
    expect(() =>
      toGraphology(
        csrFromEdges({
          ...columns([
            [0, 1],
            [0, 1],
          ]),
          dedupe: false,
        }),
      ),
    ).toThrow(OptionError);
  });
});
