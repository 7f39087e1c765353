/**
 * Switching-aware label propagation: vertices ask to move to the part that holds most of their neighbours, and a request is
 * granted by what moves the other way. Memory: the graph, and the part at the far end of each edge.
 *
 * The partitioner of GriNNder (MLSys 2026, arXiv:2605.11517) in its known parts: votes of neighbours, penalty
 * size / (1.1 · n / p), a part number per edge. The admission rule and the start from streamed clusters are ours.
 */
import { AbortedError } from '@strata-ml/core';
import type { CsrGraph } from '../csr/CsrGraph.js';
import type { ResolvedPartitionOptions } from './options.js';
import { SwitchingState } from './SwitchingState.js';
import type { Targets } from './Targets.js';

const MOST_ITERATIONS = 50;
/** Fewer switches than this share of the vertices end the run. */
const FEW_SWITCHES = 0.001;
/** So many iterations without a better score end it too. */
const PATIENCE = 3;

/** Parts of the vertices of a symmetric graph; `partOf` is overwritten. Sizes stay within the caps once they are. */
export function switchingParts(
  g: CsrGraph,
  targets: Targets,
  { signal, onProgress }: Pick<ResolvedPartitionOptions, 'signal' | 'onProgress'>,
  partOf: Int32Array,
): void {
  const n = g.numVertices;

  const state = new SwitchingState(g, targets, partOf);
  let bestInside = state.inside;
  let flat = 0;
  for (let iteration = 0; iteration < MOST_ITERATIONS && flat < PATIENCE; iteration++) {
    if (signal?.aborted) throw new AbortedError('partition: aborted');
    const switches = state.iterate();
    onProgress?.({ placed: Math.floor((n * (iteration + 1)) / MOST_ITERATIONS), total: n });
    if (switches < FEW_SWITCHES * n || switches === 0) break;
    flat = state.inside > bestInside ? 0 : flat + 1;
    bestInside = Math.max(bestInside, state.inside);
  }
  onProgress?.({ placed: n, total: n });
}
