/** Neighbours of a batch's seeds, layer by layer. */
import type { CsrGraph } from '@strata-ml/graph';
import { edgeRng } from '../sample/batch.js';
import { drawnEdges } from '../sample/drawnEdges.js';
import { type SampledBlock, sourcesOf } from '../snapshot/SampledBlock.js';

/** What batches are drawn from. */
export interface DrawPlan {
  readonly graph: CsrGraph;
  /** uint8 `[n]`: vertices outside are no part of the training graph. */
  readonly include?: Uint8Array;
  /** In-neighbours drawn per vertex, by layer, the input layer first. */
  readonly fanouts: readonly number[];
  readonly seed: number;
}

/**
 * Draws the blocks of a batch, the input layer first. The draw of a vertex in a layer is keyed by epoch and round, not by
 * the batch: batches of one round together are the batch of one device with all their seeds.
 *
 * @param seeds - distinct, ascending
 * @param scratch - uint8 `[n]`, zeros, as it is left
 */
export function drawBatch(
  plan: DrawPlan,
  seeds: Int32Array,
  epoch: number,
  round: number,
  scratch: Uint8Array,
): SampledBlock[] {
  const blocks: SampledBlock[] = [];
  let destinations = seeds;
  for (let layer = plan.fanouts.length; layer >= 1; layer--) {
    const rng = edgeRng(plan.seed, epoch, round, layer);
    const { indptr, sources: neighbours } = drawnEdges(plan, plan.fanouts[layer - 1]!, rng, destinations);
    const sources = sourcesOf(destinations, neighbours, scratch);
    blocks.unshift({ numDestinations: destinations.length, sources, indptr, neighbours });
    destinations = sources;
  }
  return blocks;
}
