/** What a rank computes on under a vertex cut: clones of vertices, and the edges that the rank was given. */
import type { CsrGraph } from '@strata-ml/graph';
import { NO_PART, type VertexCut } from './vertexCut.js';

/**
 * Clones of a rank: its masters ascending, then clones of other ranks' masters by rank, ascending. Every row is source
 * and destination. The regions of clones have the form of halo regions, so that their rows travel like halo rows.
 */
export interface CloneBlock {
  /** Masters, the leading rows. */
  readonly numOwned: number;
  /** All clones. */
  readonly numSources: number;
  /** Global id of each row. int32 `[numSources]`. */
  readonly globalIds: Int32Array;
  /** First clone of a master on rank q, and one past the last. int32 `[worldSize + 1]`. */
  readonly haloOffsets: Int32Array;
  /** The rank's edges. int32 `[numSources + 1]`. */
  readonly indptr: Int32Array;
  /** Rows. int32 `[edges]`. */
  readonly indices: Int32Array;
}

/** Collects the clones and edges of `rank`; neighbours keep the order of the graph. O(n + edges of the graph). */
export function cloneBlock(
  { indptr, indices, numVertices }: CsrGraph,
  { partOfEdge, masterOf }: VertexCut,
  rank: number,
  worldSize: number,
): CloneBlock {
  const rowOf = new Int32Array(numVertices).fill(-1);
  let numEdges = 0;
  for (let v = 0; v < numVertices; v++) {
    for (let e = indptr[v]!; e < indptr[v + 1]!; e++) {
      if (partOfEdge[e] === NO_PART || partOfEdge[e] !== rank) continue;
      rowOf[v] = rowOf[indices[e]!] = -2;
      numEdges++;
    }
  }
  const byMaster: number[][] = Array.from({ length: worldSize }, () => []);
  for (let v = 0; v < numVertices; v++) if (rowOf[v] === -2) byMaster[masterOf[v]!]!.push(v);
  const numOwned = byMaster[rank]!.length;
  const haloOffsets = new Int32Array(worldSize + 1);
  haloOffsets[0] = numOwned;
  const ids = [...byMaster[rank]!];
  byMaster.forEach((vertices, q) => {
    if (q !== rank) for (const v of vertices) ids.push(v);
    haloOffsets[q + 1] = ids.length;
  });
  const globalIds = Int32Array.from(ids);
  globalIds.forEach((v, row) => {
    rowOf[v] = row;
  });
  const rowPtr = new Int32Array(globalIds.length + 1);
  const columns = new Int32Array(numEdges);
  let at = 0;
  globalIds.forEach((v, row) => {
    for (let e = indptr[v]!; e < indptr[v + 1]!; e++) if (partOfEdge[e] === rank) columns[at++] = rowOf[indices[e]!]!;
    rowPtr[row + 1] = at;
  });
  return { numOwned, numSources: globalIds.length, globalIds, haloOffsets, indptr: rowPtr, indices: columns };
}
