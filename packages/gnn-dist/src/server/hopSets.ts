/** Which vertices a server needs for k layers of its own vertices: breadth-first over in-edges. */
import type { CsrGraph } from '@strata-ml/graph';

/** Distance of every vertex to a set, in hops along in-edges; −1 where further than asked. int16 `[n]`. */
export type HopOf = Int16Array;

/**
 * d(v) = 0 for the given vertices; d(u) = j if u first appears as a source of a vertex with d = j − 1; stops at `hops`.
 *
 * Cost: O(n + in-edges of the vertices with d < hops). (GraNNDis, PACT 2024, arXiv:2311.06837, server-wise preloading.)
 *
 * @param include - uint8 `[n]`: vertices outside are no part of the graph
 */
export function hopSets(graph: CsrGraph, inner: Int32Array, hops: number, include?: Uint8Array): HopOf {
  const hopOf = new Int16Array(graph.numVertices).fill(-1);
  for (const v of inner) hopOf[v] = 0;
  let frontier: ArrayLike<number> = inner;
  for (let j = 1; j <= hops && frontier.length > 0; j++) {
    const next: number[] = [];
    for (let i = 0; i < frontier.length; i++) {
      const v = frontier[i]!;
      for (let e = graph.indptr[v]!, end = graph.indptr[v + 1]!; e < end; e++) {
        const u = graph.indices[e]!;
        if (hopOf[u] !== -1 || include?.[u] === 0) continue;
        hopOf[u] = j;
        next.push(u);
      }
    }
    frontier = next;
  }
  return hopOf;
}

/** Vertices of each hop, ascending: entry j holds those with d = j. */
export function verticesByHop(hopOf: HopOf, hops: number): Int32Array[] {
  const counts = new Int32Array(hops + 1);
  for (const d of hopOf) if (d >= 0 && d <= hops) counts[d]!++;
  const lists = Array.from(counts, (count) => new Int32Array(count));
  const next = new Int32Array(hops + 1);
  for (let v = 0; v < hopOf.length; v++) {
    const d = hopOf[v]!;
    if (d >= 0 && d <= hops) lists[d]![next[d]!++] = v;
  }
  return lists;
}
