/** Whether a graph is undirected: known by construction where possible, else found by one exact walk. */
import type { CsrGraph } from './CsrGraph.js';

/** Graphs known to be symmetric. Graphs are never changed in place, so the knowledge cannot become wrong. */
const known = new WeakSet<CsrGraph>();

/** Remembers that `g` is symmetric, which the caller has made sure of. */
export function markSymmetric(g: CsrGraph): void {
  known.add(g);
}

/** Passes on what is known about `from` to a graph that is made of it by treating both directions alike. */
export function inheritSymmetry<G extends CsrGraph>(from: CsrGraph, g: G): G {
  if (known.has(from)) known.add(g);
  return g;
}

/**
 * True if u→v is stored exactly as often as v→u, for all u and v. Weights are not compared.
 *
 * Needs ascending rows (all graphs of this package have them). Cost: O(1) for graphs made with `symmetrize` and those
 * derived from them; else O(n + m), int32 `[n]`, up to the first difference. The answer is remembered.
 */
export function isSymmetric(g: CsrGraph): boolean {
  if (known.has(g)) return true;
  const { numVertices: n, indptr, indices } = g;
  const next = indptr.slice(0, n);
  // Walking rows in ascending order meets the entries of each transposed row in order: they must be the row itself.
  for (let v = 0; v < n; v++) {
    for (let e = indptr[v]!, end = indptr[v + 1]!; e < end; e++) {
      const u = indices[e]!;
      const at = next[u]!++;
      if (at >= indptr[u + 1]! || indices[at] !== v) return false;
    }
  }
  known.add(g);
  return true;
}
