/** The multilevel partitioner on a graph with hard targets: objective, further weights, repair. */
import { AbortedError, type Rng, ShapeError } from '@strata-ml/core';
import type { CsrGraph } from '../csr/CsrGraph.js';
import { Sequence } from '../generate/Sequence.js';
import { finestLevel, totalWeights } from '../multilevel/LevelGraph.js';
import { multilevel } from '../multilevel/multilevel.js';
import { refineVolume } from '../multilevel/refineVolume.js';
import { enforceTargets } from './enforceTargets.js';
import type { ResolvedPartitionOptions } from './options.js';
import type { Targets } from './Targets.js';

/**
 * Parts of the vertices of a symmetric graph.
 *
 * @param ids - which entry of the further weights each vertex has. @defaultValue its own number
 */
export function multilevelParts(
  g: CsrGraph,
  targets: Targets,
  { objective, balance, weights, signal, onProgress }: ResolvedPartitionOptions,
  rng: Rng,
  partOf: Int32Array,
  ids?: Int32Array,
): void {
  const n = g.numVertices;
  if (!ids) {
    weights.forEach((list, i) => {
      if (list.length !== n)
        throw new ShapeError('partition', `weights[${i}]`, [list.length], `[${n}], one per vertex`);
    });
  }
  const graph = finestLevel(g, ids ? weights.map((list) => ids.map((id) => list[id]!)) : weights);
  const { constraints } = graph;
  const totals = totalWeights(graph);
  const caps = new Float64Array(targets.shares.length * constraints);
  targets.shares.forEach((share, p) => {
    caps[p * constraints] = targets.caps[p]!;
    for (let c = 1; c < constraints; c++) caps[p * constraints + c] = Math.ceil(balance * share * totals[c]!);
  });
  const state = multilevel(graph, { shares: targets.shares, caps }, new Sequence(rng), (share) => {
    onProgress?.({ placed: Math.floor(share * n), total: n });
    if (signal?.aborted) throw new AbortedError('partition: aborted');
  });
  if (objective === 'vol') refineVolume(state);
  partOf.set(state.partOf);
  enforceTargets(graph, targets, partOf);
}
