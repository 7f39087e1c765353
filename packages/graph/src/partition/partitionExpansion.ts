/** What a partition costs a trainer that keeps one part on the device and reads the rest from storage. */
import { OptionError, ShapeError } from '@strata-ml/core';
import type { CsrGraph } from '../csr/CsrGraph.js';

/** Rows that parts gather and read, over the number of vertices. */
export interface PartitionExpansion {
  /**
   * Σ over parts of own vertices and in-neighbours of other parts, over n: α ≥ 1 of GriNNder. Bytes between host and
   * device grow with it.
   */
  readonly vertexExpansion: number;
  /**
   * Σ over parts of all vertices of the parts that they gather from, themselves included, over n: ρ in [1, parts]. Bytes
   * read from storage grow with it if nothing is cached.
   */
  readonly partExpansion: number;
}

/**
 * Measures a partition. O(m + parts²) time; allocates int32 `[n]` and one byte per pair of parts.
 *
 * @param partOf - part of each vertex, int32 `[n]`
 * @throws {@link ShapeError} if `partOf` is not `[n]`; {@link OptionError} for a part outside 0 … parts − 1.
 *
 * @example
 * const pair = csrFromEdges({ sources: Int32Array.of(0), destinations: Int32Array.of(1) });
 * partitionExpansion(pair, Int32Array.of(0, 1), 2); // => { vertexExpansion: 1.5, partExpansion: 1.5 }
 */
export function partitionExpansion(g: CsrGraph, partOf: Int32Array, parts: number): PartitionExpansion {
  const { numVertices: n, indptr, indices } = g;
  if (partOf.length !== n) throw new ShapeError('partitionExpansion', 'partOf', [partOf.length], `[${n}]`);
  const sizes = new Float64Array(parts);
  for (let v = 0; v < n; v++) {
    const p = partOf[v]!;
    if (p >>> 0 >= parts) throw new OptionError('partitionExpansion', `part of vertex ${v}`, p, `in 0 … ${parts - 1}`);
    sizes[p]!++;
  }
  const members = new Int32Array(n);
  const starts = new Int32Array(parts + 1);
  for (let p = 0; p < parts; p++) starts[p + 1] = starts[p]! + sizes[p]!;
  const next = starts.slice();
  for (let v = 0; v < n; v++) members[next[partOf[v]!]!++] = v;
  const seenBy = new Int32Array(n).fill(-1);
  const reads = new Uint8Array(parts);
  let gathered = 0;
  let read = 0;
  for (let p = 0; p < parts; p++) {
    reads.fill(0);
    reads[p] = 1;
    gathered += sizes[p]!;
    for (let i = starts[p]!; i < starts[p + 1]!; i++) {
      const v = members[i]!;
      for (let e = indptr[v]!, end = indptr[v + 1]!; e < end; e++) {
        const u = indices[e]!;
        if (partOf[u] === p || seenBy[u] === p) continue;
        seenBy[u] = p;
        reads[partOf[u]!] = 1;
        gathered++;
      }
    }
    for (let q = 0; q < parts; q++) if (reads[q] === 1) read += sizes[q]!;
  }
  return { vertexExpansion: n === 0 ? 1 : gathered / n, partExpansion: n === 0 ? 1 : read / n };
}
