/** The rows of one device in its server: who holds what, and which of my rows belong to which hop. */
import type { ServerLayout } from './ServerLayout.js';

/** A rank's view of its server's layout. */
export interface ServerRows {
  /** My rows: hop 0 in a given order, then hop 1, hop 2, …, ascending inside a hop. int32 `[rows]`. */
  readonly vertices: Int32Array;
  /** My rows with hop ≤ j, for j = 0 … hops. */
  readonly countUpTo: readonly number[];
  /** Hop of each vertex of the whole graph, −1 outside the server. int16 `[n]`. */
  readonly hopOf: Int16Array;
  /** World rank that holds each vertex in this server, −1 outside. int32 `[n]`. */
  readonly holderOf: Int32Array;
  readonly hops: number;
}

/**
 * @param firstRank - world rank of the server's first device
 * @param innerOrder - my hop-0 vertices in the order of my rows, as the full-graph block has them
 */
export function serverRows(
  layout: ServerLayout,
  numVertices: number,
  hops: number,
  firstRank: number,
  localRank: number,
  innerOrder: Int32Array,
): ServerRows {
  const hopOf = new Int16Array(numVertices).fill(-1);
  const holderOf = new Int32Array(numVertices).fill(-1);
  const mine: number[] = Array.from(innerOrder);
  const countUpTo = new Array<number>(hops + 1).fill(0);
  countUpTo[0] = innerOrder.length;
  for (let i = 0; i < layout.vertices.length; i++) {
    const v = layout.vertices[i]!;
    const j = layout.hops[i]!;
    hopOf[v] = j;
    holderOf[v] = firstRank + layout.devices[i]!;
    if (layout.devices[i] !== localRank || j === 0) continue;
    mine.push(v);
    countUpTo[j]!++;
  }
  for (let j = 1; j <= hops; j++) countUpTo[j]! += countUpTo[j - 1]!;
  return { vertices: Int32Array.from(mine), countUpTo, hopOf, holderOf, hops };
}
