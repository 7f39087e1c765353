/** What a partition costs: cuts, halo rows per link class, balance, replication. */
import { type LinkClass, OptionError, ShapeError } from '@strata-ml/core';
import type { CsrGraph } from '../csr/CsrGraph.js';
import { isSymmetric } from '../csr/symmetry.js';
import { symmetrizeGraph } from '../csr/transform.js';
import { checkDevices, groupVertices } from './partitionCluster.js';
import { replicationFactors } from './replication.js';

/** Options of {@link partitionMetrics}. */
export interface PartitionMetricsOptions {
  /** Devices of each server; ranks are numbered server by server. @defaultValue one server with all parts of `partOf` */
  readonly devicesPerServer?: readonly number[];
  /** 1 for training vertices. uint8 `[n]`. @defaultValue none: `trainBalance` is null */
  readonly trainMask?: Uint8Array;
  /** Replication factors are given for 1 … hops. @defaultValue `1` */
  readonly hops?: number;
}

/** Rows that one rank needs from another: |{u owned by `owner` : u→v, v owned by `reader`}|. */
export interface HaloPair {
  readonly owner: number;
  readonly reader: number;
  /** `'intra'` if both ranks are in one server. */
  readonly linkClass: Exclude<LinkClass, 'local'>;
  readonly rows: number;
}

/** What {@link partitionMetrics} reports. Self-loops count nowhere but in `edgeBalance`. */
export interface PartitionMetrics {
  readonly parts: number;
  readonly servers: number;
  /** Edges that could be cut: undirected ones if the graph is symmetric, else directed ones. */
  readonly edges: number;
  /** Those with ends in two parts. */
  readonly edgeCut: number;
  /** edgeCut / edges; 0 without edges. */
  readonly cutRatio: number;
  /** Edges with ends in two servers. */
  readonly interServerCut: number;
  readonly interServerCutRatio: number;
  /** Σ over vertices of the number of other parts that hold a neighbour, in either direction (METIS objective `vol`). */
  readonly communicationVolume: number;
  /** Largest part over mean part, in vertices. */
  readonly balance: number;
  /** The same in stored edges (rows of `indices`): the work of an aggregation. */
  readonly edgeBalance: number;
  /** The same in training vertices; null without a mask or without training vertices. */
  readonly trainBalance: number | null;
  /** Vertices per part. */
  readonly partSizes: readonly number[];
  readonly emptyParts: number;
  /** Per server: share of its vertices with an in-neighbour in another server. */
  readonly boundaryFraction: readonly number[];
  /** Rows received in one exchange, all ranks. */
  readonly haloRows: number;
  /** haloRows / vertices. */
  readonly haloRatio: number;
  readonly haloRowsPerRank: readonly number[];
  /** Halo rows over own rows, per rank; 0 for an empty part. */
  readonly haloRatioPerRank: readonly number[];
  /** Halo rows that stay inside a server. */
  readonly haloRowsIntra: number;
  /** Halo rows that cross servers. */
  readonly haloRowsInter: number;
  /** Pairs with at least one row, by owner, then reader. */
  readonly haloPairs: readonly HaloPair[];
  /** Σ over ranks (servers) of vertices within h hops against edge direction, over n; entry h − 1. */
  readonly replicationFactor: { readonly ranks: readonly number[]; readonly servers: readonly number[] };
}

/**
 * Measures a partition.
 *
 * For a symmetric graph `haloRows` equals `communicationVolume`. Cost: O(m + n·hops·parts) at least and
 * O(hops · parts · m) at most; allocates int32 `[n]` a few times; a directed graph is also symmetrised.
 *
 * @param partOf - part of each vertex, int32 `[n]`
 * @throws {@link ShapeError} if `partOf` or `trainMask` is not `[n]`.
 * @throws {@link OptionError} if a part is not a rank of the cluster, or an option is out of range.
 *
 * @example
 * const path = grid({ rows: 1, columns: 4 });
 * partitionMetrics(path, Int32Array.of(0, 0, 1, 1)).edgeCut; // => 1
 */
export function partitionMetrics(
  g: CsrGraph,
  partOf: Int32Array,
  options: PartitionMetricsOptions = {},
): PartitionMetrics {
  const { numVertices: n, indptr, indices } = g;
  const { trainMask, hops = 1 } = options;
  const { parts, serverOfRank, servers } = checkMetricsInput(g, partOf, options);
  const isUndirected = isSymmetric(g);
  const members = groupVertices(partOf, parts);

  let arcs = 0;
  let cut = 0;
  let interCut = 0;
  const rows = new Float64Array(parts * parts);
  const edgesPerPart = new Float64Array(parts);
  const boundary = new Float64Array(servers);
  const readBy = new Int32Array(n).fill(-1);
  for (let p = 0; p < parts; p++) {
    const server = serverOfRank[p]!;
    for (const v of members[p]!) {
      let isBoundary = 0;
      const end = indptr[v + 1]!;
      edgesPerPart[p]! += end - indptr[v]!;
      for (let e = indptr[v]!; e < end; e++) {
        const u = indices[e]!;
        if (u === v) continue;
        arcs++;
        const q = partOf[u]!;
        if (q === p) continue;
        cut++;
        if (serverOfRank[q] !== server) {
          interCut++;
          isBoundary = 1;
        }
        if (readBy[u] === p) continue;
        readBy[u] = p;
        rows[q * parts + p]!++;
      }
      boundary[server]! += isBoundary;
    }
  }

  const haloPairs: HaloPair[] = [];
  const haloRowsPerRank = new Array<number>(parts).fill(0);
  const byClass = { intra: 0, inter: 0 };
  for (let owner = 0; owner < parts; owner++) {
    for (let reader = 0; reader < parts; reader++) {
      const count = rows[owner * parts + reader]!;
      if (count === 0) continue;
      const linkClass = serverOfRank[owner] === serverOfRank[reader] ? 'intra' : 'inter';
      haloPairs.push({ owner, reader, linkClass, rows: count });
      haloRowsPerRank[reader]! += count;
      byClass[linkClass] += count;
    }
  }
  const haloRows = byClass.intra + byClass.inter;
  const partSizes = members.map((list) => list.length);
  const serverSizes = new Array<number>(servers).fill(0);
  for (let p = 0; p < parts; p++) serverSizes[serverOfRank[p]!]! += partSizes[p]!;
  const edges = isUndirected ? arcs / 2 : arcs;
  const edgeCut = isUndirected ? cut / 2 : cut;
  const interServerCut = isUndirected ? interCut / 2 : interCut;
  const serverOf = Int32Array.from(partOf, (p) => serverOfRank[p]!);
  return {
    parts,
    servers,
    edges,
    edgeCut,
    cutRatio: ratio(edgeCut, edges),
    interServerCut,
    interServerCutRatio: ratio(interServerCut, edges),
    communicationVolume: isUndirected ? haloRows : countVolume(symmetrizeGraph(g), partOf, parts),
    balance: maxOverMean(partSizes) ?? 1,
    edgeBalance: maxOverMean(edgesPerPart) ?? 1,
    trainBalance: trainMask
      ? maxOverMean(members.map((list) => list.reduce((sum, v) => sum + (trainMask[v] ? 1 : 0), 0)))
      : null,
    partSizes,
    emptyParts: partSizes.filter((size) => size === 0).length,
    boundaryFraction: Array.from(boundary, (count, s) => ratio(count, serverSizes[s]!)),
    haloRows,
    haloRatio: ratio(haloRows, n),
    haloRowsPerRank,
    haloRatioPerRank: haloRowsPerRank.map((count, p) => ratio(count, partSizes[p]!)),
    haloRowsIntra: byClass.intra,
    haloRowsInter: byClass.inter,
    haloPairs,
    replicationFactor: {
      ranks: replicationFactors(g, members, hops),
      servers: replicationFactors(g, groupVertices(serverOf, servers), hops),
    },
  };
}

function checkMetricsInput(g: CsrGraph, partOf: Int32Array, options: PartitionMetricsOptions) {
  const where = 'partitionMetrics';
  const n = g.numVertices;
  const { trainMask, hops = 1 } = options;
  if (partOf.length !== n) throw new ShapeError(where, 'partOf', [partOf.length], `[${n}], one part per vertex`);
  if (trainMask && trainMask.length !== n) throw new ShapeError(where, 'trainMask', [trainMask.length], `[${n}]`);
  if (!(Number.isInteger(hops) && hops >= 0)) throw new OptionError(where, 'hops', hops, 'an integer ≥ 0');
  let largest = 0;
  for (let v = 0; v < n; v++) if (partOf[v]! > largest) largest = partOf[v]!;
  const devicesPerServer = options.devicesPerServer ?? [largest + 1];
  const parts = checkDevices(where, devicesPerServer);
  for (let v = 0; v < n; v++) {
    const p = partOf[v]!;
    if (p < 0 || p >= parts) throw new OptionError(where, `part of vertex ${v}`, p, `in 0 … ${parts - 1}`);
  }
  const serverOfRank = devicesPerServer.flatMap((count, s) => new Array<number>(count).fill(s));
  return { parts, serverOfRank, servers: devicesPerServer.length };
}

/** Σ_v of the number of other parts among the neighbours of v, in a symmetric graph. */
function countVolume({ numVertices: n, indptr, indices }: CsrGraph, partOf: Int32Array, parts: number): number {
  const seenBy = new Int32Array(parts).fill(-1);
  let volume = 0;
  for (let v = 0; v < n; v++) {
    seenBy[partOf[v]!] = v;
    for (let e = indptr[v]!, end = indptr[v + 1]!; e < end; e++) {
      const q = partOf[indices[e]!]!;
      if (seenBy[q] === v) continue;
      seenBy[q] = v;
      volume++;
    }
  }
  return volume;
}

const ratio = (a: number, b: number) => (b === 0 ? 0 : a / b);

/** Null if all are zero. */
function maxOverMean(values: ArrayLike<number>): number | null {
  let sum = 0;
  let max = 0;
  for (let i = 0; i < values.length; i++) {
    sum += values[i]!;
    max = Math.max(max, values[i]!);
  }
  return sum === 0 ? null : (max * values.length) / sum;
}
