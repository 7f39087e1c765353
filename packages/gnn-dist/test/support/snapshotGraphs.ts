/** Graphs whose storage pages can be counted by hand. */
import type { CsrGraph } from '@strata-ml/graph';

/** Every vertex has the 16 in-neighbours v + 1 … v + 16 (mod n), ascending: 64 lists fill a page of storage. */
export function regularGraph(n: number): CsrGraph {
  const indptr = Int32Array.from({ length: n + 1 }, (_, v) => 16 * v);
  const indices = new Int32Array(16 * n);
  for (let v = 0; v < n; v++) {
    const list = Int32Array.from({ length: 16 }, (_, k) => (v + 1 + k) % n).sort();
    indices.set(list, 16 * v);
  }
  return { numVertices: n, indptr, indices };
}

/** The first `hubs` vertices have `degree` in-neighbours, the others none. */
export function hubGraph(hubs: number, degree: number): CsrGraph {
  const numVertices = Math.max(hubs, degree);
  const indptr = Int32Array.from({ length: numVertices + 1 }, (_, v) => degree * Math.min(v, hubs));
  const indices = Int32Array.from({ length: hubs * degree }, (_, e) => e % degree);
  return { numVertices, indptr, indices };
}
