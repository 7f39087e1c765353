/** Draws the batches of a schedule; the same on whichever thread. */
import type { GraphData } from '../data.js';
import type { SampledBlock } from '../snapshot/SampledBlock.js';
import { type DrawPlan, drawBatch } from './drawBatch.js';
import { type ScheduledBatch, type SeedLists, seedsOfBatch } from './schedule.js';

/** What batches are made from; plain data, arrays in shared memory. */
export interface MakerPlan extends DrawPlan {
  readonly seedLists: SeedLists;
  readonly data: Pick<GraphData, 'features' | 'numFeatures' | 'numClasses' | 'multiLabels' | 'labels'>;
  /** Batch worker that owns each vertex. int32 `[n]`. */
  readonly ownerOf: Int32Array;
}

/** Draws batches on this thread. */
export class BatchMaker {
  readonly plan: MakerPlan;
  readonly #scratch: Uint8Array;

  constructor(plan: MakerPlan) {
    this.plan = plan;
    this.#scratch = new Uint8Array(plan.graph.numVertices);
  }

  /** The blocks of a batch, the input layer first. */
  draw(batch: ScheduledBatch, epoch: number): SampledBlock[] {
    const seeds = seedsOfBatch(batch, this.plan.seedLists, this.plan.seed, epoch);
    return drawBatch(this.plan, seeds, epoch, batch.round, this.#scratch);
  }

  /** Rows of a batch that another batch worker than `worker` owns. */
  remoteRows(blocks: readonly SampledBlock[], worker: number): number {
    return blocks[0]!.sources.reduce((sum, v) => sum + (this.plan.ownerOf[v] === worker ? 0 : 1), 0);
  }
}
