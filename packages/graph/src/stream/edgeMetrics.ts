/** Cut, volume and balance of a partition, from one pass over an edge file. */
import { type EdgeFile, edgeChunks } from './edgeFile.js';

/** What a pass over the edges finds. Repeated edges count each time, self-loops never. */
export interface EdgePartitionReport {
  readonly parts: number;
  /** Edges between different vertices. */
  readonly edges: number;
  /** Those between different parts. */
  readonly cut: number;
  /** cut / edges. */
  readonly cutRatio: number;
  /** Σ over vertices of the other parts that hold a neighbour. */
  readonly communicationVolume: number;
  readonly partSizes: readonly number[];
  /** Largest over mean part. */
  readonly balance: number;
}

const READ_EDGES = 1 << 16;

/** Measures `partOf` on all edges of `file`. Memory: n · ⌈parts / 32⌉ words, the parts each vertex sees. */
export async function measureEdges(
  file: EdgeFile,
  partOf: Int32Array,
  parts: number,
  signal?: AbortSignal,
): Promise<EdgePartitionReport> {
  const n = file.numVertices;
  const words = Math.ceil(parts / 32);
  const sees = new Int32Array(n * words);
  let edges = 0;
  let cut = 0;
  for await (const { pairs, count } of edgeChunks(file.path, new Int32Array(2 * READ_EDGES), signal)) {
    for (let i = 0; i < count; i++) {
      const u = pairs[2 * i]!;
      const v = pairs[2 * i + 1]!;
      if (u === v) continue;
      edges++;
      const p = partOf[u]!;
      const q = partOf[v]!;
      if (p === q) continue;
      cut++;
      sees[u * words + (q >> 5)]! |= 1 << (q & 31);
      sees[v * words + (p >> 5)]! |= 1 << (p & 31);
    }
  }
  let communicationVolume = 0;
  for (let i = 0; i < sees.length; i++) for (let bits = sees[i]!; bits !== 0; bits &= bits - 1) communicationVolume++;
  const partSizes = new Array<number>(parts).fill(0);
  for (let v = 0; v < n; v++) partSizes[partOf[v]!]!++;
  return {
    parts,
    edges,
    cut,
    cutRatio: edges === 0 ? 0 : cut / edges,
    communicationVolume,
    partSizes,
    balance: n === 0 ? 1 : (Math.max(...partSizes) * parts) / n,
  };
}
