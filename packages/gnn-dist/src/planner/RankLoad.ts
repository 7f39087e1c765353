/** What one device would compute and receive in one step of a mode: rows, edges and halo rows, counted without running. */
import type { CsrGraph } from '@strata-ml/graph';
import type { HopOf } from '../server/hopSets.js';
import type { ServerLayout } from '../server/ServerLayout.js';

/** One convolution on one device. */
export interface LayerLoad {
  /** Rows that enter and rows that leave. */
  readonly rowsIn: number;
  readonly rowsOut: number;
  /** Edges into the rows that leave. */
  readonly edges: number;
  /** Rows received from each rank. int32 `[worldSize]`. */
  readonly haloFrom: Int32Array;
}

/** One device's step. */
export interface RankLoad {
  readonly layers: readonly LayerLoad[];
  /** Rows whose features lie on the device. */
  readonly featureRows: number;
  /** Feature rows fetched from each rank before training, or for the step in mini-batch modes. int32 `[worldSize]`. */
  readonly fetchedFrom: Int32Array;
}

/** Which rows a layer reads and writes, by hop. */
export interface HopRange {
  readonly readHop: number;
  readonly writeHop: number;
}

/** What {@link countLoads} counts on. */
export interface LoadInput {
  readonly graph: CsrGraph;
  /** World rank that owns each vertex. */
  readonly partOf: Int32Array;
  readonly worldSize: number;
  readonly include?: Uint8Array;
}

/** Loads of full-graph training: every layer alike. */
export function fullGraphLoads({ graph, partOf, worldSize, include }: LoadInput, layers: number): RankLoad[] {
  const has = (v: number) => include?.[v] !== 0;
  const rows = new Int32Array(worldSize);
  for (let v = 0; v < partOf.length; v++) if (has(v)) rows[partOf[v]!]!++;
  const layer = countLayer(graph, worldSize, partOf, has, has);
  return Array.from(rows, (count, rank) => ({
    layers: new Array<LayerLoad>(layers).fill({ rowsIn: count, rowsOut: count, ...layer[rank]! }),
    featureRows: count,
    fetchedFrom: new Int32Array(worldSize),
  }));
}

/**
 * Loads of the devices of one server that computes on a layout.
 *
 * @param ranges - hops that each layer reads and writes, layer 1 first
 * @param firstRank - world rank of the server's first device
 */
export function layoutLoads(
  { graph, partOf, worldSize }: LoadInput,
  layout: ServerLayout,
  ranges: readonly HopRange[],
  firstRank: number,
  devices: number,
): RankLoad[] {
  const n = graph.numVertices;
  const hopOf: HopOf = new Int16Array(n).fill(-1);
  const holderOf = new Int32Array(n).fill(-1);
  const fetched = Array.from({ length: devices }, () => new Int32Array(worldSize));
  const rowsUpTo = (device: number, hop: number) => {
    let count = 0;
    for (let i = 0; i < layout.vertices.length; i++)
      if (layout.devices[i] === device && layout.hops[i]! <= hop) count++;
    return count;
  };
  layout.vertices.forEach((v, i) => {
    const device = layout.devices[i]!;
    hopOf[v] = layout.hops[i]!;
    holderOf[v] = firstRank + device;
    if (partOf[v] !== firstRank + device) fetched[device]![partOf[v]!]!++;
  });
  const counted = new Map<string, ReturnType<typeof countLayer>>();
  const layers = ranges.map(({ readHop, writeHop }) => {
    const key = `${readHop} ${writeHop}`;
    const reads = (v: number) => hopOf[v]! >= 0 && hopOf[v]! <= readHop;
    const writes = (v: number) => hopOf[v]! >= 0 && hopOf[v]! <= writeHop;
    const layer = counted.get(key) ?? countLayer(graph, worldSize, holderOf, writes, reads);
    counted.set(key, layer);
    return { layer, readHop, writeHop };
  });
  return Array.from({ length: devices }, (_, device) => ({
    layers: layers.map(({ layer, readHop, writeHop }) => ({
      rowsIn: rowsUpTo(device, readHop),
      rowsOut: rowsUpTo(device, writeHop),
      ...layer[firstRank + device]!,
    })),
    featureRows: rowsUpTo(device, Number.POSITIVE_INFINITY),
    fetchedFrom: fetched[device]!,
  }));
}

/** Edges and halo rows of one layer, by rank. */
function countLayer(
  { numVertices, indptr, indices }: CsrGraph,
  worldSize: number,
  holderOf: Int32Array,
  writes: (v: number) => boolean,
  reads: (u: number) => boolean,
): { readonly edges: number; readonly haloFrom: Int32Array }[] {
  const edges = new Float64Array(worldSize);
  const haloFrom = Array.from({ length: worldSize }, () => new Int32Array(worldSize));
  const words = Math.ceil(worldSize / 32);
  const seen = new Uint32Array(numVertices * words);
  for (let v = 0; v < numVertices; v++) {
    if (!writes(v)) continue;
    const p = holderOf[v]!;
    for (let e = indptr[v]!, end = indptr[v + 1]!; e < end; e++) {
      const u = indices[e]!;
      if (!reads(u)) continue;
      edges[p]!++;
      const q = holderOf[u]!;
      const word = u * words + (p >>> 5);
      const bit = 1 << (p & 31);
      if (q === p || seen[word]! & bit) continue;
      seen[word]! |= bit;
      haloFrom[p]![q]!++;
    }
  }
  return haloFrom.map((from, rank) => ({ edges: edges[rank]!, haloFrom: from }));
}
