/**
 * The part of the graph one rank computes on: its owned rows and the halo rows its edges read, as one CSR block.
 *
 * Row order: owned rows first, those without any halo source (central) before the others (marginal), so that central
 * rows can be aggregated while halo rows are still on their way; then one contiguous halo region per peer, in rank
 * order. Inside each group ids ascend. Neighbours of a row keep the order of the global graph, so a row's sum is
 * bit-identical to the single-device sum, whatever the partition.
 */
import { OptionError, ShapeError } from '@strata-ml/core';
import type { CsrGraph } from '@strata-ml/graph';

/**
 * One-hop block of a rank: CSR over (destination row ← source row), sources = [owned ‖ halo of peer 0 ‖ halo of peer 1 …].
 * Destinations are the leading owned rows: all of them when every vertex is in every layer.
 */
export interface OneHopBlock {
  /** Rows that enter. */
  readonly numOwned: number;
  /** Rows that leave, at most numOwned. */
  readonly numDestinations: number;
  /** Destination rows 0 … numCentral−1 read no halo row. */
  readonly numCentral: number;
  /** Owned plus halo rows. */
  readonly numSources: number;
  /** Global vertex id of each source row. int32 `[numSources]`. */
  readonly globalIds: Int32Array;
  /** int32 `[numDestinations + 1]`. */
  readonly indptr: Int32Array;
  /** Source rows. int32 `[nnz]`. */
  readonly indices: Int32Array;
  /** First halo row of each peer and one past the last; own entry empty. int32 `[worldSize + 1]`, from numOwned. */
  readonly haloOffsets: Int32Array;
}

/**
 * Cuts out the block of `rank`.
 *
 * `graph` is a message graph (row v = in-neighbours of v, self-loop included), `partOf` int32 `[n]` the owner of each
 * vertex. With `include` (uint8 `[n]`), rows and neighbours outside it are left out: the graph induced on a vertex set.
 * Cost: O(n + edges of the rank); allocates one int32 `[n]` map while it runs.
 *
 * @throws {@link ShapeError} if `partOf` or `include` is not `[n]`.
 * @throws {@link OptionError} if a vertex has an owner outside 0 … worldSize−1.
 */
export function buildOneHopBlock(
  graph: CsrGraph,
  partOf: Int32Array,
  rank: number,
  worldSize: number,
  include?: Uint8Array,
): OneHopBlock {
  const n = graph.numVertices;
  if (partOf.length !== n) throw new ShapeError('buildOneHopBlock', 'partOf', [partOf.length], `[${n}]`);
  if (include && include.length !== n) throw new ShapeError('buildOneHopBlock', 'include', [include.length], `[${n}]`);
  const has = (v: number) => include?.[v] !== 0;

  // 1 = seen as halo. Owned rows are split in one pass, halo rows collected per owner.
  const rowOf = new Int32Array(n).fill(-1);
  const central: number[] = [];
  const marginal: number[] = [];
  const haloCounts = new Int32Array(worldSize);
  let numEdges = 0;
  for (let v = 0; v < n; v++) {
    const owner = partOf[v]!;
    if (owner < 0 || owner >= worldSize) {
      throw new OptionError('partition', `owner of vertex ${v}`, owner, `a rank in 0 … ${worldSize - 1}`);
    }
    if (owner !== rank || !has(v)) continue;
    let isCentral = true;
    for (let e = Number(graph.indptr[v]!); e < Number(graph.indptr[v + 1]!); e++) {
      const u = graph.indices[e]!;
      if (!has(u)) continue;
      numEdges++;
      const q = partOf[u]!;
      if (q === rank) continue;
      isCentral = false;
      if (rowOf[u] === -1) {
        rowOf[u] = -2;
        haloCounts[q]!++;
      }
    }
    (isCentral ? central : marginal).push(v);
  }

  const numOwned = central.length + marginal.length;
  const haloOffsets = new Int32Array(worldSize + 1);
  haloOffsets[0] = numOwned;
  for (let q = 0; q < worldSize; q++) haloOffsets[q + 1] = haloOffsets[q]! + haloCounts[q]!;
  const numSources = haloOffsets[worldSize]!;
  const globalIds = new Int32Array(numSources);
  globalIds.set(central, 0);
  globalIds.set(marginal, central.length);
  const next = haloOffsets.slice(0, worldSize);
  for (let u = 0; u < n; u++) {
    if (rowOf[u] === -2) globalIds[next[partOf[u]!]!++] = u;
  }
  for (let row = 0; row < numSources; row++) rowOf[globalIds[row]!] = row;

  const indptr = new Int32Array(numOwned + 1);
  const indices = new Int32Array(numEdges);
  let k = 0;
  for (let row = 0; row < numOwned; row++) {
    const v = globalIds[row]!;
    for (let e = Number(graph.indptr[v]!); e < Number(graph.indptr[v + 1]!); e++) {
      const u = graph.indices[e]!;
      if (has(u)) indices[k++] = rowOf[u]!;
    }
    indptr[row + 1] = k;
  }
  const numCentral = central.length;
  return { numOwned, numDestinations: numOwned, numCentral, numSources, globalIds, indptr, indices, haloOffsets };
}
