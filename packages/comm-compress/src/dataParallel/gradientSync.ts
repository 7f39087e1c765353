/** Averages gradients over replicas, and sums those of a tied embedding over the two stages that hold it. */
import type { ProcessGroup } from '@strata-ml/core';
import type { GridGroups } from '../grid/groups.js';
import type { GradientSync } from '../train/hooks.js';

/** Sum over the group in float32, divided by its size. */
export const allReduceSync: GradientSync = {
  average({ gradients, group }) {
    if (group.size === 1) return;
    group.allReduce(gradients, { phase: 'gradient' });
    scale(gradients, 1 / group.size);
  },
};

/**
 * How copies of a tied embedding are kept equal. `plain`: after the replicas' average, the two stages of each replica sum
 * theirs. `fused`: one sum over both stages of all replicas; the embedding is left out of the average.
 * "Optimus-CC", ASPLOS 2023, arXiv:2301.09830, section 6.
 */
export const embeddingSyncs = ['plain', 'fused'] as const;
/** One of {@link embeddingSyncs}. */
export type EmbeddingSync = (typeof embeddingSyncs)[number];

/** Brings the gradient of a tied embedding to the mean over replicas of the sum over stages, in place. Collective. */
export function syncEmbedding(how: EmbeddingSync, region: Float32Array, groups: GridGroups): void {
  const { embedding, fusedEmbedding, data } = groups;
  if (how === 'fused') {
    sumOver(fusedEmbedding, region);
    if (data.size > 1) scale(region, 1 / data.size);
    return;
  }
  sumOver(embedding, region);
}

function sumOver(group: ProcessGroup | undefined, region: Float32Array): void {
  if (group && group.size > 1) group.allReduce(region, { phase: 'embedding' });
}

function scale(values: Float32Array, factor: number): void {
  for (let i = 0; i < values.length; i++) values[i]! *= factor;
}
