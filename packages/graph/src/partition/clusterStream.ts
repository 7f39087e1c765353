/**
 * Clusters found in one look at each edge: a vertex joins the cluster of its neighbour if that is the heavier one and has
 * room. Three numbers a vertex; the first phase of 2PS-L.
 *
 * Mayer, Orujzade, Jacobsen: "Out-of-Core Edge Partitioning at Linear Run-Time", ICDE 2022, arXiv:2203.12721, after
 * Hollocou, Maudet, Bonald, Lelarge, 2017.
 */
import type { CsrGraph } from '../csr/CsrGraph.js';

/** Clusters of vertices. */
export interface StreamClusters {
  /** Cluster of each vertex, int32 `[n]`; numbers are vertex ids, not consecutive. */
  readonly clusterOf: Int32Array;
  /** Vertices of each cluster, int32 `[n]`. */
  readonly sizes: Int32Array;
}

/**
 * Clusters of a symmetric graph.
 *
 * @param mostVolume - no cluster's degrees add up to more, unless one vertex alone does
 * @param mostVertices - no cluster has more vertices
 * @param passes - how often the edges are seen
 */
export function clusterStream(g: CsrGraph, mostVolume: number, mostVertices: number, passes: number): StreamClusters {
  const { numVertices: n, indptr, indices } = g;
  const clusterOf = Int32Array.from({ length: n }, (_, v) => v);
  const sizes = new Int32Array(n).fill(1);
  const volumes = Int32Array.from({ length: n }, (_, v) => indptr[v + 1]! - indptr[v]!);
  for (let pass = 0; pass < passes; pass++) {
    for (let v = 0; v < n; v++) {
      for (let e = indptr[v]!, end = indptr[v + 1]!; e < end; e++) {
        const u = indices[e]!;
        // Each undirected edge once.
        if (u >= v) continue;
        const a = clusterOf[u]!;
        const b = clusterOf[v]!;
        if (a === b || volumes[a]! > mostVolume || volumes[b]! > mostVolume) continue;
        const degreeU = indptr[u + 1]! - indptr[u]!;
        const degreeV = indptr[v + 1]! - indptr[v]!;
        const moves = volumes[a]! - degreeU <= volumes[b]! - degreeV;
        const [vertex, degree, from, to] = moves ? [u, degreeU, a, b] : [v, degreeV, b, a];
        if (volumes[to]! + degree > mostVolume || sizes[to]! >= mostVertices) continue;
        clusterOf[vertex] = to;
        volumes[from]! -= degree;
        volumes[to]! += degree;
        sizes[from]!--;
        sizes[to]!++;
      }
    }
  }
  return { clusterOf, sizes };
}
