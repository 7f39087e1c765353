/** Who the rows of a gathered input are. */
import type { GraphStore } from '../store/GraphStore.js';

/** The user's number of each row of a partition's gathered input, int32 `[e_p]`. */
export function gatheredVertices(store: GraphStore, p: number): Int32Array {
  const { offsets } = store.meta;
  const vertices = new Int32Array(store.expandedRows(p));
  vertices.set(store.order.subarray(offsets[p]!, offsets[p + 1]!));
  let at = store.rows(p);
  for (const q of store.dependencies(p)) {
    if (q !== p) for (const row of store.boundary(p, q)) vertices[at++] = store.order[offsets[q]! + row]!;
  }
  return vertices;
}
