/** Runs one partitioner on one graph with given targets: what `partition` and both levels of `partitionCluster` share. */
import { AbortedError, type Rng } from '@strata-ml/core';
import type { CsrGraph } from '../csr/CsrGraph.js';
import { symmetrizeGraph } from '../csr/transform.js';
import { finestLevel } from '../multilevel/LevelGraph.js';
import { gremGraph } from '../stream/gremGraph.js';
import { enforceTargets } from './enforceTargets.js';
import { fennelScores, greedyStream, ldgScores } from './greedyStream.js';
import { metisParts } from './metis.js';
import { multilevelParts } from './multilevelParts.js';
import { hashParts, randomParts, rangeParts } from './oblivious.js';
import type { PartitionMethod, ResolvedPartitionOptions } from './options.js';
import { spinnerParts } from './spinner.js';
import { streamOrder } from './streamOrder.js';
import { switchingParts } from './switching.js';
import type { Targets } from './Targets.js';
import { twoPhaseParts } from './twoPhase.js';

/** True if the method looks at edges. */
export function readsEdges(method: PartitionMethod): boolean {
  return method !== 'random' && method !== 'hash' && method !== 'range';
}

/** A graph the method can run on: neighbours are those in either direction. */
export function prepareGraph(g: CsrGraph, method: PartitionMethod): CsrGraph {
  return readsEdges(method) ? symmetrizeGraph(g) : g;
}

/** Parts of the vertices of `g` (see {@link prepareGraph}), written to `partOf`. */
export function assign(
  g: CsrGraph,
  targets: Targets,
  options: ResolvedPartitionOptions,
  rng: Rng,
  partOf: Int32Array,
  ids?: Int32Array,
): void {
  const { method, order, balance, gamma, signal } = options;
  const n = g.numVertices;
  if (signal?.aborted) throw new AbortedError('partition: aborted');
  if (targets.shares.length === 1) partOf.fill(0);
  else if (method === 'random') randomParts(n, targets, rng, partOf);
  else if (method === 'range') rangeParts(n, targets, partOf);
  else if (method === 'hash') hashParts(n, targets, rng.split('salt').key[0], partOf, ids);
  else if (method === 'multilevel') multilevelParts(g, targets, options, rng, partOf, ids);
  else if (method === 'grem' || method === 'frozen') gremGraph(g, targets, options, rng, partOf);
  else if (method === 'switching' || method === 'spinner' || method === '2ps-l') {
    if (method === 'spinner') spinnerParts(g, targets, options, rng, partOf);
    else twoPhaseParts(g, targets, partOf);
    enforceTargets(finestLevel(g), targets, partOf);
    if (method === 'switching') {
      switchingParts(g, targets, options, partOf);
      // Caps hold by then, but a part may have lost its last vertex.
      enforceTargets(finestLevel(g), targets, partOf);
    }
  } else if (method === 'metis') {
    metisParts(g, targets, options, partOf);
    enforceTargets(finestLevel(g), targets, partOf);
  } else {
    const scores =
      method === 'ldg' ? ldgScores(n, targets, balance) : fennelScores(n, countUndirected(g), targets, gamma);
    greedyStream(g, targets, scores, streamOrder(g, order, rng), options, partOf);
  }
}

/** Undirected edges of a symmetric graph, self-loops not counted. */
function countUndirected(g: CsrGraph): number {
  let loops = 0;
  for (let v = 0; v < g.numVertices; v++) {
    for (let e = g.indptr[v]!, end = g.indptr[v + 1]!; e < end; e++) if (g.indices[e] === v) loops++;
  }
  return (g.indices.length - loops) / 2;
}
