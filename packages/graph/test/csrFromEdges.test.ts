import { DataError, OptionError, ShapeError } from '@strata-ml/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { csrFromEdges, edgesOf, type SelfLoops } from '../src/index.js';
import { anyEdges, bothWays, columns, type Pairs, pairsOf, sorted, unique } from './oracles/naive.js';

/** What the options mean, on lists of pairs. */
function expectedPairs(n: number, pairs: Pairs, symmetrize: boolean, dedupe: boolean, selfLoops: SelfLoops) {
  let list = symmetrize ? bothWays(pairs) : pairs.map(([u, v]): [number, number] => [u, v]);
  if (selfLoops !== 'keep') list = list.filter(([u, v]) => u !== v);
  if (dedupe) list = unique(list);
  if (selfLoops === 'add') for (let v = 0; v < n; v++) list.push([v, v]);
  return sorted(list);
}

describe('csrFromEdges', () => {
  it('holds exactly the edges asked for, rows ascending, for every combination of options', () => {
    const options = fc.record({
      symmetrize: fc.boolean(),
      dedupe: fc.boolean(),
      selfLoops: fc.constantFrom('keep', 'drop', 'add') as fc.Arbitrary<SelfLoops>,
    });
    const property = fc.property(anyEdges, options, ({ n, pairs }, { symmetrize, dedupe, selfLoops }) => {
      const g = csrFromEdges({ numVertices: n, ...columns(pairs), symmetrize, dedupe, selfLoops });
      expect(g.indptr).toHaveLength(n + 1);
      expect(g.indptr[n]).toBe(g.indices.length);
      expect(pairsOf(g)).toEqual(expectedPairs(n, pairs, symmetrize, dedupe, selfLoops));
    });
    fc.assert(property);
  });

  it('keeps the weight of the first, sums, or takes the largest of equal edges, in both directions alike', () => {
    const weighted = anyEdges.chain(({ n, pairs }) =>
      fc.record({
        n: fc.constant(n),
        pairs: fc.constant(pairs),
        weights: fc.array(fc.integer({ min: -8, max: 8 }), { minLength: pairs.length, maxLength: pairs.length }),
        rule: fc.constantFrom('first', 'sum', 'max') as fc.Arbitrary<'first' | 'sum' | 'max'>,
        symmetrize: fc.boolean(),
      }),
    );
    const property = fc.property(weighted, ({ n, pairs, weights, rule, symmetrize }) => {
      const g = csrFromEdges({
        numVertices: n,
        ...columns(pairs),
        weights: Float32Array.from(weights),
        duplicateWeight: rule,
        symmetrize,
      });
      const expected = new Map<string, number>();
      pairs.forEach(([u, v], i) => {
        for (const key of symmetrize && u !== v ? [`${u}>${v}`, `${v}>${u}`] : [`${u}>${v}`]) {
          const before = expected.get(key);
          const w = weights[i]!;
          expected.set(
            key,
            before === undefined ? w : { first: before, sum: before + w, max: Math.max(before, w) }[rule],
          );
        }
      });
      pairsOf(g).forEach(([u, v], e) => {
        expect(g.weights![e]! + 0).toBe(expected.get(`${u}>${v}`)! + 0);
      });
    });
    fc.assert(property);
  });

  it('lies in shared memory and returns its edges again', () => {
    const property = fc.property(anyEdges, ({ n, pairs }) => {
      const g = csrFromEdges({ numVertices: n, ...columns(pairs), weights: new Float32Array(pairs.length) });
      for (const array of [g.indptr, g.indices, g.weights!]) expect(array.buffer).toBeInstanceOf(SharedArrayBuffer);
      expect(csrFromEdges({ numVertices: n, ...edgesOf(g) })).toEqual(g);
    });
    fc.assert(property, { numRuns: 20 });
  });

  it('takes the number of vertices from the largest id, and accepts no edges at all', () => {
    expect(csrFromEdges(columns([[0, 7]])).numVertices).toBe(8);
    expect(csrFromEdges(columns([])).numVertices).toBe(0);
    expect([...csrFromEdges({ numVertices: 3, ...columns([]), selfLoops: 'add' }).indices]).toEqual([0, 1, 2]);
  });

  it('names the first bad edge, unequal lengths and unknown options', () => {
    const build =
      (pairs: Pairs, rest: object = {}) =>
      () =>
        csrFromEdges({ ...columns(pairs), ...rest });
    expect(
      build([
        [0, 1],
        [-1, 0],
      ]),
    ).toThrow(DataError);
    expect(
      build([
        [0, 1],
        [-1, 0],
      ]),
    ).toThrow('ids of edge 1 must be in');
    expect(build([[0, 3]], { numVertices: 3 })).toThrow('0 … 2, got 3');
    expect(build([[0, 1]], { destinations: new Int32Array(2) })).toThrow(ShapeError);
    expect(build([[0, 1]], { weights: new Float32Array(2) })).toThrow(ShapeError);
    expect(build([[0, 1]], { selfLoops: 'both' })).toThrow(OptionError);
    expect(build([[0, 1]], { duplicateWeight: 'mean' })).toThrow(OptionError);
    expect(build([[0, 1]], { numVertices: 1.5 })).toThrow(OptionError);
  });
});
