/** The graphs a run needs: the one it trains on, and for inductive runs the larger ones it is tested on. */
import { type CsrGraph, messageGraph } from '@strata-ml/graph';
import type { GraphView } from './train/payload.js';

/** Message graph, degrees and vertex set of `graph`, or of its subgraph induced on `include` (uint8 `[n]`). */
export function makeGraphView(graph: CsrGraph, include?: Uint8Array): GraphView {
  const message = messageGraph(graph);
  const n = message.numVertices;
  const has = (v: number) => include?.[v] !== 0;
  const inDegrees = new Int32Array(new SharedArrayBuffer(4 * n));
  const outDegrees = new Int32Array(new SharedArrayBuffer(4 * n));
  let numIncluded = 0;
  for (let v = 0; v < n; v++) {
    if (!has(v)) continue;
    numIncluded++;
    for (let e = Number(message.indptr[v]!); e < Number(message.indptr[v + 1]!); e++) {
      const u = message.indices[e]!;
      if (!has(u)) continue;
      inDegrees[v]!++;
      outDegrees[u]!++;
    }
  }
  return { graph: message, inDegrees, outDegrees, numIncluded, ...(include ? { include } : {}) };
}

/** uint8 `[n]`, 1 for the vertices of the given lists. */
export function vertexMask(n: number, ...lists: readonly Int32Array[]): Uint8Array {
  const mask = new Uint8Array(new SharedArrayBuffer(n));
  for (const list of lists) for (const v of list) mask[v] = 1;
  return mask;
}
