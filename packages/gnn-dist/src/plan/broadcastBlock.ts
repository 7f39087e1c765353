/** The block of a rank that reads every row of every peer, needed or not. */
import type { OneHopBlock } from './rankGraph.js';

/**
 * The same owned rows and edges with halo regions that hold all vertices of each peer, ids ascending.
 *
 * @param partOf - owner of each vertex, int32 `[n]`
 * @param include - 0 leaves a vertex out, uint8 `[n]`
 */
export function broadcastBlock(
  block: OneHopBlock,
  partOf: Int32Array,
  rank: number,
  worldSize: number,
  include?: Uint8Array,
): OneHopBlock {
  const { numOwned, globalIds } = block;
  const isRead = (v: number) => partOf[v] !== rank && include?.[v] !== 0;
  const haloOffsets = new Int32Array(worldSize + 1);
  haloOffsets[0] = numOwned;
  for (let v = 0; v < partOf.length; v++) if (isRead(v)) haloOffsets[partOf[v]! + 1]!++;
  for (let q = 0; q < worldSize; q++) haloOffsets[q + 1]! += haloOffsets[q]!;
  const numSources = haloOffsets[worldSize]!;
  const ids = new Int32Array(numSources);
  ids.set(globalIds.subarray(0, numOwned));
  const rowOf = new Int32Array(partOf.length).fill(-1);
  const next = haloOffsets.slice(0, worldSize);
  for (let v = 0; v < partOf.length; v++) {
    if (!isRead(v)) continue;
    const row = next[partOf[v]!]!++;
    ids[row] = v;
    rowOf[v] = row;
  }
  const indices = block.indices.map((row) => (row < numOwned ? row : rowOf[globalIds[row]!]!));
  return { ...block, numSources, globalIds: ids, indices, haloOffsets };
}
