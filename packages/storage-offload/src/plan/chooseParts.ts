/** The smallest number of partitions with which a run fits its budgets. */
import { formatBytes, OptionError } from '@strata-ml/core';
import { type CsrGraph, type PartitionMethod, partition } from '@strata-ml/graph';
import { type PartitionedGraph, shapeOfPartition } from './GraphShape.js';
import { type MemoryPlan, type PlanOptions, planMemory } from './planMemory.js';

/** What {@link chooseParts} is told beside the graph. */
export interface ChoosePartsOptions
  extends PlanOptions,
    Pick<PartitionedGraph, 'featureWidth' | 'classes' | 'weights'> {
  /** @defaultValue `'switching'` */
  readonly method?: PartitionMethod;
  /** Seeds the partitioner. @defaultValue `1` */
  readonly partitionSeed?: number;
}

/** A partition that fits, and the plan for it. */
export interface ChosenParts {
  readonly parts: number;
  /** int32 `[N]`. */
  readonly partOf: Int32Array;
  readonly plan: MemoryPlan;
}

const MOST_PARTS = 4096;

/**
 * Tries 1, 2, 4, … partitions and returns the first that fits. Each is really cut, and planned from its own counts.
 *
 * @throws {@link OptionError} if none does, with what the finest cut would need.
 */
export async function chooseParts(graph: CsrGraph, options: ChoosePartsOptions): Promise<ChosenParts> {
  const { method = 'switching', partitionSeed = 1, featureWidth, classes, weights, ...plan } = options;
  let best: MemoryPlan | undefined;
  for (let parts = 1; parts <= Math.min(MOST_PARTS, graph.numVertices); parts *= 2) {
    const partOf = partition(graph, parts, { method, seed: partitionSeed, allowEmpty: true });
    const shape = shapeOfPartition({ graph, partOf, parts, featureWidth, classes, weights });
    const planned = await planMemory(shape, plan);
    if (planned.fits) return { parts, partOf, plan: planned };
    // Tables grow with the number of parts: beyond the best cut there is no use in finer ones.
    if (best && planned.host.minimumBytes >= best.host.minimumBytes && planned.device.bytes >= best.device.bytes) break;
    best = planned;
  }
  const { host, device } = best!;
  throw new OptionError(
    'chooseParts',
    'budgets',
    `${formatBytes(host.budgetBytes)} of host and ${formatBytes(device.budgetBytes)} of device memory`,
    `at least ${formatBytes(host.minimumBytes)} and ${formatBytes(device.bytes)} (${best!.parts} parts)`,
    'raise them, or take narrower layers',
  );
}
