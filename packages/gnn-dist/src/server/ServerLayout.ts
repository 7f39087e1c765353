/**
 * What one server computes on: its own vertices and copies of remote ones, by hop, each on one of its devices.
 *
 * The head of the server makes it and tells the others: everything else (blocks, send plans, masks) follows from it.
 */
import type { ProcessGroup } from '@strata-ml/core';
import type { CsrGraph } from '@strata-ml/graph';
import { type HopOf, verticesByHop } from './hopSets.js';

/** Vertices of a server, hop 0 first, then by hop; inside a hop ascending. */
export interface ServerLayout {
  /** Global ids. int32 `[rows]`. */
  readonly vertices: Int32Array;
  /** Hop of each. int32 `[rows]`. */
  readonly hops: Int32Array;
  /** Local rank of the device of each. int32 `[rows]`. */
  readonly devices: Int32Array;
}

/** How much fuller than the mean a device may get, in each hop. */
const BALANCE = 1.1;

/**
 * Gives every replica to the device that holds most of its readers one hop nearer, under a cap per hop, so that the rows
 * of every layer are balanced. Ties go to the device with fewer rows of the hop, then to the first.
 *
 * @param deviceOf - local rank of each hop-0 vertex; other entries are ignored
 */
export function layOutServer(
  graph: CsrGraph,
  hopOf: HopOf,
  hops: number,
  deviceOf: (vertex: number) => number,
  devices: number,
): ServerLayout {
  const byHop = verticesByHop(hopOf, hops);
  const rows = byHop.reduce((sum, list) => sum + list.length, 0);
  const layout = { vertices: new Int32Array(rows), hops: new Int32Array(rows), devices: new Int32Array(rows) };
  const placed = new Int32Array(graph.numVertices).fill(-1);
  let at = 0;
  byHop.forEach((list, j) => {
    if (j === 0) for (const v of list) placed[v] = deviceOf(v);
    else if (devices === 1) for (const v of list) placed[v] = 0;
    else placeReplicas(graph, hopOf, byHop[j - 1]!, list, j, placed, devices);
    for (const v of list) {
      layout.vertices[at] = v;
      layout.hops[at] = j;
      layout.devices[at] = placed[v]!;
      at++;
    }
  });
  return layout;
}

function placeReplicas(
  graph: CsrGraph,
  hopOf: HopOf,
  readers: Int32Array,
  replicas: Int32Array,
  hop: number,
  placed: Int32Array,
  devices: number,
): void {
  const votes = new Int32Array(replicas.length * devices);
  // Positions of this hop's vertices, kept in `placed` as −2 − position until they are placed.
  for (let i = 0; i < replicas.length; i++) placed[replicas[i]!] = -2 - i;
  for (const v of readers) {
    const device = placed[v]!;
    for (let e = graph.indptr[v]!, end = graph.indptr[v + 1]!; e < end; e++) {
      const u = graph.indices[e]!;
      if (hopOf[u] === hop) votes[(-2 - placed[u]!) * devices + device]!++;
    }
  }
  const cap = Math.ceil((replicas.length / devices) * BALANCE);
  const counts = new Int32Array(devices);
  for (let i = 0; i < replicas.length; i++) {
    let best = -1;
    for (let d = 0; d < devices; d++) {
      if (counts[d]! >= cap) continue;
      const gain = votes[i * devices + d]! - (best < 0 ? -1 : votes[i * devices + best]!);
      if (best < 0 || gain > 0 || (gain === 0 && counts[d]! < counts[best]!)) best = d;
    }
    placed[replicas[i]!] = best;
    counts[best]!++;
  }
}

/** Tells all ranks of a server what its head (rank 0 of `server`) made; collective. The head passes its layout. */
export function shareLayout(server: ProcessGroup, made: ServerLayout | undefined, phase = 'setup'): ServerLayout {
  const length = Int32Array.of(made?.vertices.length ?? 0);
  server.broadcast(length, 0, { phase });
  const rows = length[0]!;
  const layout = made ?? { vertices: new Int32Array(rows), hops: new Int32Array(rows), devices: new Int32Array(rows) };
  for (const array of [layout.vertices, layout.hops, layout.devices]) server.broadcast(array, 0, { phase });
  return layout;
}
