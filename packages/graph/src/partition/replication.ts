/** How many vertices groups would hold if each kept everything within h hops. */
import type { CsrGraph } from '../csr/CsrGraph.js';

/**
 * For h = 1 … hops: Σ over groups of |{vertices within h hops of the group, against edge direction}| / n.
 *
 * Breadth-first per group; stops early where nothing new is found. Cost: at most O(groups · m); int32 `[n]` twice.
 */
export function replicationFactors(g: CsrGraph, groups: readonly Int32Array[], hops: number): number[] {
  const { numVertices: n, indptr, indices } = g;
  // One group holds everything from the start.
  if (groups.length === 1) return new Array<number>(hops).fill(n === 0 ? 0 : 1);
  const held = new Array<number>(hops).fill(0);
  const seenBy = new Int32Array(n).fill(-1);
  const queue = new Int32Array(n);
  groups.forEach((group, id) => {
    queue.set(group);
    for (const v of group) seenBy[v] = id;
    let begin = 0;
    let tail = group.length;
    for (let h = 0; h < hops; h++) {
      const end = tail;
      for (let i = begin; i < end; i++) {
        const v = queue[i]!;
        for (let e = indptr[v]!, last = indptr[v + 1]!; e < last; e++) {
          const u = indices[e]!;
          if (seenBy[u] === id) continue;
          seenBy[u] = id;
          queue[tail++] = u;
        }
      }
      begin = end;
      held[h]! += tail;
    }
  });
  return held.map((count) => (n === 0 ? 0 : count / n));
}
