/** A one-hop block from explicit in-edges of a rank's rows: what replicated and sampled graphs are made of. */
import { DataError } from '@strata-ml/core';
import type { OneHopBlock } from './rankGraph.js';

/** In-edges of rows, sources as global ids. */
export interface RowEdges {
  /** int32 `[rows + 1]`. */
  readonly indptr: Int32Array;
  /** int32 `[edges]`, in the order in which sums are formed. */
  readonly sources: Int32Array;
}

/**
 * Builds the block of `rank`: owned rows as given, one halo region per peer with ascending ids.
 *
 * @param owned - global ids of the rows that enter; the first `edges.indptr.length − 1` of them are the destinations
 * @param holderOf - world rank that holds each vertex, int32 `[n]`
 * @param scratch - int32 `[n]`, all −1; given back all −1
 * @throws {@link DataError} if a source is held by nobody, or by this rank but not among `owned`.
 */
export function blockFromEdges(
  owned: Int32Array,
  edges: RowEdges,
  holderOf: Int32Array,
  rank: number,
  worldSize: number,
  scratch: Int32Array,
): OneHopBlock {
  const { indptr, sources } = edges;
  const numOwned = owned.length;
  for (let row = 0; row < numOwned; row++) scratch[owned[row]!] = row;
  const halo: number[] = [];
  for (const u of sources) {
    if (scratch[u] !== -1) continue;
    const holder = holderOf[u]!;
    if (holder < 0 || holder === rank) throw new DataError(`blockFromEdges: vertex ${u} is read but held by no rank`);
    scratch[u] = -2;
    halo.push(u);
  }
  halo.sort((a, b) => holderOf[a]! - holderOf[b]! || a - b);
  const haloOffsets = new Int32Array(worldSize + 1);
  for (const u of halo) haloOffsets[holderOf[u]! + 1]!++;
  haloOffsets[0] = numOwned;
  for (let q = 0; q < worldSize; q++) haloOffsets[q + 1]! += haloOffsets[q]!;
  const globalIds = new Int32Array(numOwned + halo.length);
  globalIds.set(owned);
  globalIds.set(halo, numOwned);
  for (let row = numOwned; row < globalIds.length; row++) scratch[globalIds[row]!] = row;
  const indices = sources.map((u) => scratch[u]!);
  for (const v of globalIds) scratch[v] = -1;
  const numDestinations = indptr.length - 1;
  let numCentral = 0;
  while (numCentral < numDestinations && isCentral(indptr, indices, numCentral, numOwned)) numCentral++;
  return {
    numOwned,
    numDestinations,
    numCentral,
    numSources: globalIds.length,
    globalIds,
    indptr,
    indices,
    haloOffsets,
  };
}

function isCentral(indptr: Int32Array, indices: Int32Array, row: number, numOwned: number): boolean {
  for (let e = indptr[row]!, end = indptr[row + 1]!; e < end; e++) if (indices[e]! >= numOwned) return false;
  return true;
}
