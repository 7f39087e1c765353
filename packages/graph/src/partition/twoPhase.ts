/**
 * Two phases of streaming, after 2PS-L: clusters first, then clusters to parts, the largest first into the emptiest part.
 *
 * 2PS-L cuts edges and replicates vertices; training needs vertices cut. So the second phase places vertices, and its
 * passes over the edges move single vertices to where their neighbours are, as LDG scores them, within the caps.
 */
import type { CsrGraph } from '../csr/CsrGraph.js';
import { clusterStream } from './clusterStream.js';
import type { Targets } from './Targets.js';

/** Passes of the first phase: the authors found a second one to help, a third no more. */
const CLUSTER_PASSES = 2;

/** Parts of the vertices of a symmetric graph; `partOf` is overwritten. Caps are left to the caller. */
export function twoPhaseParts(g: CsrGraph, targets: Targets, partOf: Int32Array): void {
  const parts = targets.shares.length;
  const { numVertices: n, indices } = g;
  const mostVolume = Math.max(1, indices.length / parts);
  const { clusterOf, sizes } = clusterStream(g, mostVolume, Math.max(1, n / parts), CLUSTER_PASSES);
  const partOfCluster = packClusters(sizes, targets);
  for (let v = 0; v < n; v++) partOf[v] = partOfCluster[clusterOf[v]!]!;
}

/** Largest cluster first, each to the part that is emptiest for its share (Graham 1969). */
function packClusters(sizes: Int32Array, { shares }: Targets): Int32Array {
  const clusters = Int32Array.from(sizes.keys())
    .filter((c) => sizes[c]! > 0)
    .sort((a, b) => sizes[b]! - sizes[a]! || a - b);
  const loads = new Float64Array(shares.length);
  const partOfCluster = new Int32Array(sizes.length);
  for (const cluster of clusters) {
    let emptiest = 0;
    for (let j = 1; j < loads.length; j++) if (loads[j]! < loads[emptiest]!) emptiest = j;
    partOfCluster[cluster] = emptiest;
    loads[emptiest]! += sizes[cluster]! / shares[emptiest]!;
  }
  return partOfCluster;
}
