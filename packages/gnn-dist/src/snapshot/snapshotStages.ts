/** Stages of a sampled batch on one device: every row that a layer reads is here. */
import type { ProcessGroup } from '@strata-ml/core';
import { HaloExchange } from '../exchange/haloExchange.js';
import type { PhaseTimes } from '../exchange/PhaseTimes.js';
import { blockFromEdges } from '../plan/edgeBlock.js';
import { HaloStage } from '../stages/HaloStage.js';
import type { SampledBlock } from './SampledBlock.js';

/**
 * Builds a stage per block, the input layer first. Sums are normalised by degrees in the sample: in-edges of a row, and how often a source was drawn.
 *
 * @param numVertices - of the graph
 */
export function batchStages(
  world: ProcessGroup,
  times: PhaseTimes,
  blocks: readonly SampledBlock[],
  numVertices: number,
): HaloStage[] {
  const scratch = new Int32Array(numVertices).fill(-1);
  const noHolder = new Int32Array(numVertices).fill(-1);
  const noRows = { sendRows: Array.from({ length: world.size }, () => new Int32Array(0)) };
  return blocks.map(({ sources, indptr, neighbours }) => {
    const block = blockFromEdges(sources, { indptr, sources: neighbours }, noHolder, world.rank, world.size, scratch);
    const inDegree = new Int32Array(block.numDestinations);
    for (let row = 0; row < inDegree.length; row++) inDegree[row] = Math.max(1, indptr[row + 1]! - indptr[row]!);
    const drawn = new Int32Array(sources.length);
    for (const row of block.indices) drawn[row]!++;
    const outDegree = drawn.map((count) => Math.max(1, count));
    return new HaloStage({ block, exchange: new HaloExchange(world, block, noRows, times), inDegree, outDegree });
  });
}
