/** Random graphs whose edges are drawn one by one, independently: into memory or straight to a file. */
import type { CsrGraph } from '../csr/CsrGraph.js';
import { csrFromEdges } from '../csr/csrFromEdges.js';
import { checkNumber } from './checks.js';

/** A source of random edges. */
export interface EdgeDrawer {
  readonly numVertices: number;
  /** Edges to draw. */
  readonly edges: number;
  /** Writes the next edge to `pairs[at]` and `pairs[at + 1]`. */
  draw(pairs: Int32Array, at: number): void;
}

/** All edges as a graph without self-loops and duplicates. @throws `OptionError` for 2³⁰ edges or more. */
export function graphOfDrawer(where: string, { numVertices, edges, draw }: EdgeDrawer, symmetrize: boolean): CsrGraph {
  checkNumber(where, 'edges', edges, 0, 2 ** 30);
  const sources = new Int32Array(edges);
  const destinations = new Int32Array(edges);
  const pair = new Int32Array(2);
  for (let i = 0; i < edges; i++) {
    draw(pair, 0);
    sources[i] = pair[0]!;
    destinations[i] = pair[1]!;
  }
  return csrFromEdges({ numVertices, sources, destinations, symmetrize, selfLoops: 'drop' });
}
