/** The closed form of halo traffic: what must cross each link class in one epoch, from counts alone. */
import { OptionError } from '@strata-ml/core';
import type { CsrGraph } from '@strata-ml/graph';

/** Halo rows by ordered pair: `rows[p · worldSize + q]` = rows that rank p reads from rank q. */
export function countHaloRows(
  graph: CsrGraph,
  partOf: Int32Array,
  worldSize: number,
  include?: Uint8Array,
): Int32Array {
  const rows = new Int32Array(worldSize * worldSize);
  // One bit per (source vertex, reading rank): a row read through many edges counts once.
  const words = Math.ceil(worldSize / 32);
  const seen = new Uint32Array(graph.numVertices * words);
  for (let v = 0; v < graph.numVertices; v++) {
    if (include && !include[v]) continue;
    const p = partOf[v]!;
    for (let e = Number(graph.indptr[v]!); e < Number(graph.indptr[v + 1]!); e++) {
      const u = graph.indices[e]!;
      const q = partOf[u]!;
      if (q === p || (include && !include[u])) continue;
      const word = u * words + (p >>> 5);
      const bit = 1 << (p & 31);
      if (seen[word]! & bit) continue;
      seen[word]! |= bit;
      rows[p * worldSize + q]!++;
    }
  }
  return rows;
}

/** What {@link haloBytesPerEpoch} needs to know of the model. */
export interface HaloTrafficModel {
  /** Width of the rows that convolution l reads: [F₀, F₁, …, F_{L−1}]. */
  readonly inputWidths: readonly number[];
  /** True if a trainable layer makes the rows of convolution 1, so that their gradients travel too. */
  readonly hasEncoder: boolean;
  /** True if the raw features of halo rows are fetched once at setup instead of in every epoch. */
  readonly featuresOnce: boolean;
}

/** Halo rows of one rank, by peer. */
export interface HaloRows {
  readonly rank: number;
  /** Server of each rank. */
  readonly serverOf: readonly number[];
  /** Rows from peer q are `offsets[q] … offsets[q + 1] − 1`. int32 `[worldSize + 1]`. */
  readonly offsets: Int32Array;
}

/**
 * What one rank's halo costs in one epoch: its rows arrive forward, and their gradients leave backward. The sum over
 * ranks is {@link haloBytesPerEpoch}.
 */
export function receivedBytes({ rank, serverOf, offsets }: HaloRows, model: HaloTrafficModel): HaloBytes {
  const rows = new Int32Array(serverOf.length * serverOf.length);
  for (let q = 0; q < serverOf.length; q++) rows[rank * serverOf.length + q] = offsets[q + 1]! - offsets[q]!;
  return haloBytesPerEpoch(rows, serverOf, model);
}

/** Payload bytes of one training epoch. */
export interface HaloBytes {
  readonly intraBytes: number;
  readonly interBytes: number;
}

/**
 * Bytes of forward and backward halo rows in one epoch of full-graph training, by link class:
 * 4 · Σ_{p,q} |H_{q→p}| · (Σ_{l=1..L} F_{l−1} + Σ_{l=2..L} F_{l−1}), the second sum from l = 1 with an encoder, the first
 * from l = 2 when raw features travel only once. (GraNNDis, PACT 2024, vanilla vertex parallelism.)
 *
 * @param haloRows - from {@link countHaloRows}
 * @param serverOf - server of each rank
 */
export function haloBytesPerEpoch(
  haloRows: Int32Array,
  serverOf: readonly number[],
  model: HaloTrafficModel,
): HaloBytes {
  const size = serverOf.length;
  if (haloRows.length !== size * size) {
    throw new OptionError('haloBytesPerEpoch', 'haloRows.length', haloRows.length, `${size * size} (worldSize²)`);
  }
  const all = model.inputWidths.reduce((a, b) => a + b, 0);
  const first = model.inputWidths[0] ?? 0;
  const forward = model.featuresOnce && !model.hasEncoder ? all - first : all;
  const backward = model.hasEncoder ? all : all - first;
  const bytesPerRow = 4 * (forward + backward);
  let intraBytes = 0;
  let interBytes = 0;
  for (let p = 0; p < size; p++) {
    for (let q = 0; q < size; q++) {
      const bytes = haloRows[p * size + q]! * bytesPerRow;
      if (serverOf[p] === serverOf[q]) intraBytes += bytes;
      else interBytes += bytes;
    }
  }
  return { intraBytes, interBytes };
}
