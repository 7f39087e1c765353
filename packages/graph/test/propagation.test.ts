import { AbortedError, Rng } from '@strata-ml/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type CsrGraph,
  csrFromEdges,
  partition,
  partitionExpansion,
  partitionMetrics,
  rmat,
  sbm,
} from '../src/index.js';
import { SwitchingState } from '../src/partition/SwitchingState.js';
import { equalTargets } from '../src/partition/Targets.js';
import { anyEdges, columns } from './oracles/naive.js';

/** `blocks` blocks of `size` vertices, mean degree 30, 20 times as likely an edge inside as outside. */
function planted(blocks: number, size: number) {
  const pOut = 30 / (20 * size + (blocks - 1) * size);
  return sbm({ sizes: new Array(blocks).fill(size), pIn: 20 * pOut, pOut, numFeatures: 0 });
}

const skewed = () => rmat({ scale: 13, edgeFactor: 8, rng: new Rng(5) });

/** Edges inside parts, from both ends, by looking at every stored edge. */
function insideOf({ numVertices, indptr, indices }: CsrGraph, partOf: Int32Array): number {
  let inside = 0;
  for (let v = 0; v < numVertices; v++) {
    for (let e = indptr[v]!; e < indptr[v + 1]!; e++) if (partOf[indices[e]!] === partOf[v]) inside++;
  }
  return inside;
}

describe('switching and spinner', () => {
  it.each(['switching', 'spinner'] as const)('%s finds planted blocks, within a tenth of their cut', (method) => {
    for (const blocks of [4, 16]) {
      const { graph, labels } = planted(blocks, 4000 / blocks);
      const cut = partitionMetrics(graph, partition(graph, blocks, { method })).edgeCut;
      expect(cut).toBeLessThanOrEqual(1.1 * partitionMetrics(graph, labels).edgeCut);
    }
  });

  it('switching gathers at most 5 % more rows than Spinner on a power-law graph, and both less than random parts', () => {
    const g = skewed();
    const gathered = (method: 'switching' | 'spinner' | 'random') =>
      partitionExpansion(g, partition(g, 16, { method }), 16).vertexExpansion;
    const random = gathered('random');
    const spinner = gathered('spinner');
    expect(gathered('switching')).toBeLessThanOrEqual(1.05 * spinner);
    expect(spinner).toBeLessThan(random);
    expect(gathered('switching')).toBeLessThan(0.95 * random);
  });

  it('2ps-l keeps communities that are smaller than a part together', () => {
    // Rings of cliques: streamed clusters are the cliques.
    const cliques = 60;
    const pairs: [number, number][] = [];
    for (let c = 0; c < cliques; c++) {
      for (let i = 0; i < 8; i++) for (let j = 0; j < i; j++) pairs.push([8 * c + i, 8 * c + j]);
      pairs.push([8 * c, 8 * ((c + 1) % cliques)]);
    }
    const g = csrFromEdges({ numVertices: 8 * cliques, ...columns(pairs), symmetrize: true });
    const { edgeCut, balance } = partitionMetrics(g, partition(g, 5, { method: '2ps-l' }));
    expect(edgeCut).toBeLessThan(0.15 * pairs.length);
    expect(balance).toBeLessThanOrEqual(1.1);
  });

  it('counts switches right: sizes, inner edges and the parts at far ends agree with a fresh look, caps hold', () => {
    const property = fc.property(
      anyEdges,
      fc.integer({ min: 2, max: 5 }),
      fc.integer({ min: 0, max: 99 }),
      (edges, parts, seed) => {
        const g = csrFromEdges({ numVertices: edges.n, ...columns(edges.pairs), symmetrize: true });
        const targets = equalTargets(edges.n, parts, 1.1, true);
        const partOf = partition(g, parts, { method: 'random', seed, allowEmpty: true });
        const state = new SwitchingState(g, targets, partOf);
        for (let i = 0; i < 5; i++) {
          const before = partOf.slice();
          const switches = state.iterate();
          expect(partOf.filter((p, v) => p !== before[v])).toHaveLength(switches);
          expect(state.inside).toBe(insideOf(g, partOf));
          // A state made afresh of the same parts decides alike only if the kept one was right.
          expect(state.sizes).toEqual(new SwitchingState(g, targets, partOf.slice()).sizes);
          expect(state.farParts).toEqual(new SwitchingState(g, targets, partOf.slice()).farParts);
          for (const size of state.sizes) expect(size).toBeLessThanOrEqual(targets.caps[0]!);
        }
      },
    );
    fc.assert(property, { numRuns: 200 });
  });

  it('lets one of two neighbours go that want each other’s place', () => {
    // 0 and 1 are joined and sit in each other's crowd: 0 in part 0 among the friends of 1, and the other way round.
    const pairs: [number, number][] = [[0, 1]];
    for (const friend of [2, 3, 4]) pairs.push([0, friend]);
    for (const friend of [5, 6, 7]) pairs.push([1, friend]);
    const g = csrFromEdges({ numVertices: 8, ...columns(pairs), symmetrize: true });
    const partOf = Int32Array.of(0, 1, 1, 1, 1, 0, 0, 0);
    const state = new SwitchingState(g, equalTargets(8, 2, 1.25, false), partOf);
    state.iterate();
    // Both gain alike: the lower number goes first, and 1 has 0 beside it then.
    expect([partOf[0], partOf[1]]).toEqual([1, 1]);
  });

  it('switching holds no more than 2 words a vertex and 2 an edge, the graph included, within 10 %', () => {
    const g = skewed();
    const n = g.numVertices;
    const targets = equalTargets(n, 16, 1.1, false);
    const state = new SwitchingState(g, targets, partition(g, 16, { method: 'random' }));
    const held = g.indptr.byteLength + g.indices.byteLength + state.bytes;
    expect(held).toBeLessThanOrEqual(1.1 * 4 * (2 * n + 2 * g.indices.length));
  });

  it.each(['switching', 'spinner'] as const)('%s stops when told to', (method) => {
    const stopped = AbortSignal.abort();
    expect(() => partition(skewed(), 4, { method, signal: stopped })).toThrow(AbortedError);
  });
});

describe('partitionExpansion', () => {
  it('counts gathered rows and parts read as sets do', () => {
    const property = fc.property(anyEdges, fc.integer({ min: 1, max: 4 }), fc.nat(), (edges, parts, seed) => {
      const g = csrFromEdges({ numVertices: edges.n, ...columns(edges.pairs) });
      const partOf = Int32Array.from({ length: edges.n }, (_, v) => (v * 7 + seed) % parts);
      let gathered = 0;
      let read = 0;
      for (let p = 0; p < parts; p++) {
        const own = [...partOf.keys()].filter((v) => partOf[v] === p);
        const sources = new Set([...own, ...edges.pairs.filter(([, v]) => partOf[v] === p).map(([u]) => u)]);
        const owners = new Set([p, ...[...sources].map((u) => partOf[u]!)]);
        gathered += sources.size;
        read += partOf.filter((q) => owners.has(q)).length;
      }
      const { vertexExpansion, partExpansion } = partitionExpansion(g, partOf, parts);
      expect(vertexExpansion).toBeCloseTo(gathered / edges.n, 12);
      expect(partExpansion).toBeCloseTo(read / edges.n, 12);
    });
    fc.assert(property);
  });
});
