/** Degrees inside a server's sampled graph: what normalises its sums. */
import type { CsrGraph } from '@strata-ml/graph';
import type { HopOf } from '../server/hopSets.js';
import type { VertexDegrees } from '../server/serverStages.js';

/** In- and out-degree of every vertex in the subgraph induced on vertices with a hop, by global id, int32 `[n]`. */
export function inducedDegrees({ indptr, indices, numVertices }: CsrGraph, hopOf: HopOf): VertexDegrees {
  const inDegrees = new Int32Array(numVertices);
  const outDegrees = new Int32Array(numVertices);
  for (let v = 0; v < numVertices; v++) {
    if (hopOf[v]! < 0) continue;
    for (let e = indptr[v]!; e < indptr[v + 1]!; e++) {
      const u = indices[e]!;
      if (hopOf[u]! < 0) continue;
      inDegrees[v]!++;
      outDegrees[u]!++;
    }
  }
  return { inDegrees, outDegrees };
}
