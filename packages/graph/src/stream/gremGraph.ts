/** GREM on a graph that is in memory: its edges in random order, chunk by chunk, for comparison and for small graphs. */
import { AbortedError, type Rng } from '@strata-ml/core';
import type { CsrGraph } from '../csr/CsrGraph.js';
import { Sequence } from '../generate/Sequence.js';
import type { ResolvedPartitionOptions } from '../partition/options.js';
import type { Targets } from '../partition/Targets.js';
import { ChunkRows } from './ChunkRows.js';
import { GremState } from './GremState.js';
import { shufflePairs } from './shuffleEdges.js';

/** Parts of the vertices of a symmetric graph; see `grem` for files. */
export function gremGraph(
  g: CsrGraph,
  targets: Targets,
  { method, chunkEdges, decay, passes, signal, onProgress }: ResolvedPartitionOptions,
  rng: Rng,
  partOf: Int32Array,
): void {
  const { numVertices: n } = g;
  const pairs = undirectedPairs(g);
  const edges = pairs.length / 2;
  const isFrozen = method === 'frozen';
  const state = new GremState(n, targets, decay, isFrozen);
  const rounds = isFrozen ? 1 : passes;
  if (edges > 0) {
    shufflePairs(pairs, new Sequence(rng.split('order')));
    const chunk = Math.min(edges, chunkEdges ?? Math.max(Math.ceil(2.5 * n), Math.ceil(edges / 16)));
    const rows = new ChunkRows(n, chunk);
    for (let pass = 0; pass < rounds; pass++) {
      let moves = 0;
      for (let at = 0; at < edges; at += chunk) {
        if (signal?.aborted) throw new AbortedError('partition: aborted');
        const count = Math.min(chunk, edges - at);
        rows.build(pairs.subarray(2 * at, 2 * (at + count)), count);
        if (pass === 0 && at === 0) state.seed(rows, new Sequence(rng));
        else moves += state.refine(rows).moves;
        onProgress?.({ placed: Math.floor((n * (pass * edges + at + count)) / edges), total: n * rounds });
      }
      if (moves === 0 && pass > 0) break;
    }
  }
  state.finish(partOf);
}

/** Each undirected edge of a symmetric graph once, without self-loops. */
function undirectedPairs({ numVertices: n, indptr, indices }: CsrGraph): Int32Array {
  let edges = 0;
  for (let v = 0; v < n; v++) for (let e = indptr[v]!; e < indptr[v + 1]!; e++) if (indices[e]! < v) edges++;
  const pairs = new Int32Array(2 * edges);
  let at = 0;
  for (let v = 0; v < n; v++) {
    for (let e = indptr[v]!, end = indptr[v + 1]!; e < end; e++) {
      if (indices[e]! >= v) continue;
      pairs[at++] = indices[e]!;
      pairs[at++] = v;
    }
  }
  return pairs;
}
