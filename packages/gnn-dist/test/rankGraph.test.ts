import { csrFromEdges, messageGraph } from '@strata-ml/graph';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildOneHopBlock } from '../src/plan/rankGraph.js';
import { countHaloRows, haloBytesPerEpoch } from '../src/plan/traffic.js';

const scenario = fc
  .record({ n: fc.integer({ min: 1, max: 30 }), size: fc.integer({ min: 1, max: 5 }) })
  .chain(({ n, size }) =>
    fc.record({
      size: fc.constant(size),
      edges: fc.array(fc.tuple(fc.nat(n - 1), fc.nat(n - 1)), { maxLength: 80 }),
      partOf: fc.array(fc.nat(size - 1), { minLength: n, maxLength: n }).map((p) => Int32Array.from(p)),
      include: fc.option(fc.array(fc.nat(1), { minLength: n, maxLength: n }).map((m) => Uint8Array.from(m))),
    }),
  );

function build({ edges, partOf }: { edges: [number, number][]; partOf: Int32Array }) {
  return messageGraph(
    csrFromEdges({
      numVertices: partOf.length,
      sources: Int32Array.from(edges, ([u]) => u),
      destinations: Int32Array.from(edges, ([, v]) => v),
    }),
  );
}

describe('buildOneHopBlock', () => {
  it('gives every included vertex to its owner with the neighbours and order of the whole graph', () => {
    const property = fc.property(scenario, ({ size, edges, partOf, include }) => {
      const graph = build({ edges, partOf });
      const has = (v: number) => !include || include[v] === 1;
      const seen = new Set<number>();
      for (let rank = 0; rank < size; rank++) {
        const block = buildOneHopBlock(graph, partOf, rank, size, include ?? undefined);
        for (let row = 0; row < block.numOwned; row++) {
          const v = block.globalIds[row]!;
          expect(partOf[v]).toBe(rank);
          seen.add(v);
          const sources = [...block.indices.subarray(block.indptr[row]!, block.indptr[row + 1]!)];
          const expected = [...graph.indices.subarray(Number(graph.indptr[v]), Number(graph.indptr[v + 1]))].filter(
            has,
          );
          expect(sources.map((s) => block.globalIds[s])).toEqual(expected);
          const readsHalo = sources.some((s) => s >= block.numOwned);
          expect(readsHalo).toBe(row >= block.numCentral);
        }
        for (let q = 0; q < size; q++) {
          const region = [...block.globalIds.subarray(block.haloOffsets[q]!, block.haloOffsets[q + 1]!)];
          expect(region.every((u) => partOf[u] === q && q !== rank)).toBe(true);
          expect(region).toEqual([...new Set(region)].sort((a, b) => a - b));
        }
        expect(block.numSources).toBe(block.haloOffsets[size]);
      }
      expect([...seen].sort((a, b) => a - b)).toEqual([...partOf.keys()].filter(has));
    });
    fc.assert(property);
  });

  it('refuses an owner outside the cluster and a partition of another length', () => {
    const graph = build({ edges: [[0, 1]], partOf: Int32Array.of(0, 0) });
    expect(() => buildOneHopBlock(graph, Int32Array.of(0, 2), 0, 2)).toThrow(
      'owner of vertex 1 must be a rank in 0 … 1',
    );
    expect(() => buildOneHopBlock(graph, Int32Array.of(0), 0, 2)).toThrow('partOf must have shape [2], got [1]');
  });
});

describe('halo traffic', () => {
  it('counts a row once per reading rank, as a set of (vertex, reader) pairs does', () => {
    const property = fc.property(scenario, ({ size, edges, partOf }) => {
      const graph = build({ edges, partOf });
      const pairs = new Set<string>();
      for (const [u, v] of edges) if (partOf[u] !== partOf[v]) pairs.add(`${partOf[v]} ${partOf[u]} ${u}`);
      const expected = new Int32Array(size * size);
      for (const pair of pairs) {
        const [p, q] = pair.split(' ').map(Number);
        expected[p! * size + q!]!++;
      }
      expect([...countHaloRows(graph, partOf, size)]).toEqual([...expected]);
    });
    fc.assert(property);
  });

  it('follows the closed form: forward all layers, backward without the raw features', () => {
    const rows = Int32Array.of(0, 3, 5, 2, 0, 0, 0, 0, 0); // rank 0 reads 3 rows of rank 1 and 5 of rank 2, …
    const base = { inputWidths: [100, 16], hasEncoder: false, featuresOnce: false };
    const serverOf = [0, 0, 1];
    expect(haloBytesPerEpoch(rows, serverOf, base)).toEqual({ intraBytes: 4 * 5 * 132, interBytes: 4 * 5 * 132 });
    expect(haloBytesPerEpoch(rows, serverOf, { ...base, featuresOnce: true }).interBytes).toBe(4 * 5 * 32);
    expect(haloBytesPerEpoch(rows, serverOf, { ...base, hasEncoder: true }).interBytes).toBe(4 * 5 * 232);
  });
});
