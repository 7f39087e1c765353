/** The key of a dropout mask, shared by every implementation of `GraphContext`, so that all of them mask alike. */
import type { Rng } from '@strata-ml/core';

/**
 * Philox key of the mask of one dropout: depends on the generator, the purpose, the epoch and the layer. The counter is
 * then (column >> 2, global vertex id), as `dropoutRows` of `@strata-ml/kernels` has it.
 */
export function dropoutKey(rng: Rng, purpose: string, epoch: number, layer: number): readonly [number, number] {
  return rng.split('dropout', purpose, epoch, layer).key;
}
