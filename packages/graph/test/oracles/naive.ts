/** Slow references on sets of `"u>v"` strings and dense arrays; they share no code with the package. */
import fc from 'fast-check';
import type { CsrGraph } from '../../src/index.js';

/** Edges as pairs [u, v]. */
export type Pairs = readonly (readonly [number, number])[];

/** Edges of a graph, read row by row. */
export function pairsOf(g: CsrGraph): [number, number][] {
  const pairs: [number, number][] = [];
  for (let v = 0; v < g.numVertices; v++) {
    for (let e = g.indptr[v]!; e < g.indptr[v + 1]!; e++) pairs.push([g.indices[e]!, v]);
  }
  return pairs;
}

/** Sorted by destination, then source. */
export function sorted(pairs: Pairs): [number, number][] {
  return pairs.map(([u, v]): [number, number] => [u, v]).sort((a, b) => a[1] - b[1] || a[0] - b[0]);
}

/** Every pair once. */
export function unique(pairs: Pairs): [number, number][] {
  return [...new Set(pairs.map(([u, v]) => `${u}>${v}`))].map((key) => key.split('>').map(Number) as [number, number]);
}

/** Pairs and their reverses, self-loops not doubled. */
export function bothWays(pairs: Pairs): [number, number][] {
  return pairs.flatMap(([u, v]): [number, number][] =>
    u === v
      ? [[u, v]]
      : [
          [u, v],
          [v, u],
        ],
  );
}

/** A graph as edge pairs: small, with loops, duplicates, isolated vertices, and none at all. */
export const anyEdges = fc.integer({ min: 1, max: 24 }).chain((n) =>
  fc.record({
    n: fc.constant(n),
    pairs: fc.array(fc.tuple(fc.nat(n - 1), fc.nat(n - 1)), { maxLength: 80 }),
  }),
);

/** Columns of pairs. */
export function columns(pairs: Pairs): { sources: Int32Array; destinations: Int32Array } {
  return {
    sources: Int32Array.from(pairs, ([u]) => u),
    destinations: Int32Array.from(pairs, ([, v]) => v),
  };
}
