/**
 * The stages of a device that computes on its server's layout: one-hop structures inside the server for layers on
 * replicated rows, and one-hop graph masks that say which rows of each layer count.
 *
 * In a segment of k layers on rows up to k hops away, layer i leaves valid rows for hops ≤ k − i only. `'zero'` computes
 * all rows and reads invalid ones as zero (GraNNDis, PACT 2024, arXiv:2311.06837, one-hop graph masking); `'prefix'`
 * computes and exchanges valid rows only, which are the leading rows of a device. Results agree to rounding.
 */
import type { ProcessGroup } from '@strata-ml/core';
import type { CsrGraph } from '@strata-ml/graph';
import { HaloExchange } from '../exchange/haloExchange.js';
import type { PhaseTimes } from '../exchange/PhaseTimes.js';
import { blockFromEdges, type RowEdges } from '../plan/edgeBlock.js';
import type { OneHopBlock } from '../plan/rankGraph.js';
import { exchangeSendPlan } from '../plan/sendPlan.js';
import { HaloStage, type OperatorCache } from '../stages/HaloStage.js';
import type { LayerStage } from '../stages/LayerStage.js';
import type { ServerRows } from './ServerRows.js';

/** How rows that no longer count are treated. */
export const maskKinds = ['zero', 'prefix'] as const;
/** One of {@link maskKinds}. */
export type MaskKind = (typeof maskKinds)[number];

/** Degrees of vertices by global id, int32 `[n]`: of the whole graph in exact modes, of the sample in sampled ones. */
export interface VertexDegrees {
  readonly inDegrees: Int32Array;
  readonly outDegrees: Int32Array;
}

/** Degrees by row of a block. */
export interface BlockDegrees {
  /** int32 `[numDestinations]`. */
  readonly inDegree: Int32Array;
  /** int32 `[numSources]`. */
  readonly outDegree: Int32Array;
}

/** The same degrees in every layer, by global id. */
export function degreesById({ inDegrees, outDegrees }: VertexDegrees): SegmentOptions['degreesOf'] {
  const of = (ids: Int32Array, degrees: Int32Array) => Int32Array.from(ids, (v) => Math.max(1, degrees[v]!));
  return (_layer, { globalIds, numDestinations }) => ({
    inDegree: of(globalIds.subarray(0, numDestinations), inDegrees),
    outDegree: of(globalIds, outDegrees),
  });
}

/** What the stages of one segment are made from. */
export interface SegmentOptions {
  readonly world: ProcessGroup;
  readonly times: PhaseTimes;
  readonly graph: CsrGraph;
  readonly rows: ServerRows;
  /** Degrees of the rows of a layer's block, which normalise its sums. */
  readonly degreesOf: (layer: number, block: OneHopBlock) => BlockDegrees;
  readonly mask: MaskKind;
  /** Layers of the segment, k. */
  readonly layers: number;
  /** Hops that any server has rows of, at most k: from here on more layers need no more rows. */
  readonly maxHops: number;
  /** Makes the rows that enter the first layer. */
  readonly enter?: LayerStage['enter'];
  /** Label of the bytes of the handshakes. @defaultValue `'setup'` */
  readonly phase?: string;
  /** Edges of layer i (from 1). @defaultValue edges of `graph` between rows of the server */
  readonly edgesOf?: (layer: number, destinations: Int32Array) => RowEdges;
}

/** A segment's stages, and the blocks behind them. */
export interface Segment {
  readonly stages: HaloStage[];
  readonly blocks: OneHopBlock[];
}

/** Builds the stages of one segment; collective over `world`. */
export function buildSegment(options: SegmentOptions): Segment {
  const { world, times, rows, mask, layers: k, maxHops } = options;
  const stages: HaloStage[] = [];
  const blocks: OneHopBlock[] = [];
  const made = new Map<string, { block: OneHopBlock; exchange: HaloExchange; operators: OperatorCache }>();
  const scratch = new Int32Array(rows.hopOf.length).fill(-1);
  for (let i = 1; i <= k; i++) {
    const readHop = Math.min(maxHops, k - i + 1);
    const writeHop = Math.min(maxHops, k - i);
    // Computing everything, the frontier included, whose in-edges nobody has: its rows are garbage, and masked.
    const shape =
      mask === 'zero'
        ? { read: Math.min(maxHops, k), write: Math.min(maxHops, k) }
        : { read: readHop, write: writeHop };
    const key = options.edgesOf ? `${i}` : `${shape.read} ${shape.write}`;
    let structure = made.get(key);
    if (!structure) {
      const block = buildBlock(options, shape.read, shape.write, i, scratch);
      const exchange = new HaloExchange(world, block, exchangeSendPlan(world, block, options.phase), times);
      structure = { block, exchange, operators: new Map() };
      made.set(key, structure);
    }
    const { block, exchange, operators } = structure;
    blocks.push(block);
    stages.push(
      new HaloStage({
        block,
        exchange,
        operators,
        ...options.degreesOf(i, block),
        ...(mask === 'zero' ? { validRows: countUpTo(rows, readHop) } : {}),
        ...(i === 1 && options.enter ? { enter: options.enter } : {}),
      }),
    );
  }
  return { stages, blocks };
}

/** Rows with hop ≤ j. */
export function countUpTo({ countUpTo: counts }: ServerRows, j: number): number {
  return counts[Math.min(j, counts.length - 1)]!;
}

function buildBlock(
  { world, rows, edgesOf, graph, layers, maxHops }: SegmentOptions,
  readHop: number,
  writeHop: number,
  layer: number,
  scratch: Int32Array,
): OneHopBlock {
  const owned = rows.vertices.subarray(0, countUpTo(rows, readHop));
  const destinations = rows.vertices.subarray(0, countUpTo(rows, writeHop));
  // A frontier row at the last hop has no in-edges, unless the hops ended because the graph did.
  const edgeHop = Math.min(maxHops, layers) < layers ? writeHop : Math.min(writeHop, layers - 1);
  const edges = edgesOf ? edgesOf(layer, destinations) : serverEdges(graph, rows, destinations, readHop, edgeHop);
  return blockFromEdges(owned, edges, rows.holderOf, world.rank, world.size, scratch);
}

/** In-edges of the destinations up to `edgeHop`, from rows that the server holds up to `readHop`, in graph order. */
function serverEdges(
  { indptr, indices }: CsrGraph,
  { hopOf }: ServerRows,
  destinations: Int32Array,
  readHop: number,
  edgeHop: number,
): RowEdges {
  const rowPtr = new Int32Array(destinations.length + 1);
  const reads = (u: number) => hopOf[u]! >= 0 && hopOf[u]! <= readHop;
  for (let row = 0; row < destinations.length; row++) {
    const v = destinations[row]!;
    let count = 0;
    if (hopOf[v]! <= edgeHop) for (let e = indptr[v]!; e < indptr[v + 1]!; e++) if (reads(indices[e]!)) count++;
    rowPtr[row + 1] = rowPtr[row]! + count;
  }
  const sources = new Int32Array(rowPtr[destinations.length]!);
  let at = 0;
  for (const v of destinations) {
    if (hopOf[v]! > edgeHop) continue;
    for (let e = indptr[v]!; e < indptr[v + 1]!; e++) if (reads(indices[e]!)) sources[at++] = indices[e]!;
  }
  return { indptr: rowPtr, sources };
}
