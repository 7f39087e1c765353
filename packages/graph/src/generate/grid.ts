/** Two-dimensional grids: graphs whose best cuts are known. */
import type { CsrGraph } from '../csr/CsrGraph.js';
import { csrFromEdges } from '../csr/csrFromEdges.js';
import { checkInteger } from './checks.js';

/** Options of {@link grid}. */
export interface GridOptions {
  readonly rows: number;
  readonly columns: number;
  /** Join opposite borders: a torus. @defaultValue `false` */
  readonly periodic?: boolean;
}

/**
 * Undirected grid with 4 neighbours inside; vertex `row · columns + column`. Cost: O(n).
 *
 * @throws `OptionError` if a side is no integer ≥ 1 or there are too many vertices.
 */
export function grid({ rows, columns, periodic = false }: GridOptions): CsrGraph {
  checkInteger('grid', 'rows', rows, 1);
  checkInteger('grid', 'columns', columns, 1);
  const n = rows * columns;
  checkInteger('grid', 'rows · columns', n, 1, 2 ** 29);
  const right = periodic ? columns : columns - 1;
  const down = periodic ? rows : rows - 1;
  const sources = new Int32Array(rows * right + down * columns);
  const destinations = new Int32Array(sources.length);
  let at = 0;
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < right; c++, at++) {
      sources[at] = r * columns + c;
      destinations[at] = r * columns + ((c + 1) % columns);
    }
  }
  for (let r = 0; r < down; r++) {
    for (let c = 0; c < columns; c++, at++) {
      sources[at] = r * columns + c;
      destinations[at] = ((r + 1) % rows) * columns + c;
    }
  }
  // On a torus with a side of 1 or 2, borders join twice or to themselves.
  return csrFromEdges({ numVertices: n, sources, destinations, symmetrize: true, selfLoops: 'drop' });
}
