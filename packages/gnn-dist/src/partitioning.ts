/** The owner of each vertex: made by a partitioner or given, checked, measured. */
import { performance } from 'node:perf_hooks';
import { OptionError, toShared, worldSizeOf } from '@strata-ml/core';
import { partitionCluster, partitionMetrics } from '@strata-ml/graph';
import type { GraphData } from './data.js';
import { vertexMask } from './graphView.js';
import type { ResolvedTrainOptions } from './options.js';
import type { TrainEvent } from './report.js';

/**
 * Partitions a graph over servers, then over the devices of each, or takes the given owners.
 *
 * @throws {@link OptionError} if given owners do not fit graph and cluster, or a device has no vertex and may not be empty.
 */
export function makePartition(data: GraphData, options: ResolvedTrainOptions, onEvent?: (event: TrainEvent) => void) {
  const { cluster, partition, partitionPasses: passes, seed, allowEmptyParts } = options;
  const start = performance.now();
  const size = worldSizeOf(cluster);
  const partOf =
    typeof partition === 'string'
      ? partitionCluster(data.graph, cluster.devicesPerServer, { method: partition, seed, passes })
      : partition;
  if (partOf.length !== data.graph.numVertices) {
    throw new OptionError('partition', 'length', partOf.length, `${data.graph.numVertices}, one part per vertex`);
  }
  const counts = new Int32Array(size);
  for (let v = 0; v < partOf.length; v++) {
    const rank = partOf[v]!;
    if (!(rank >= 0 && rank < size)) {
      throw new OptionError('partition', `part of vertex ${v}`, rank, `in 0 … ${size - 1}, a rank of the cluster`);
    }
    counts[rank]!++;
  }
  const empty = counts.indexOf(0);
  if (empty >= 0 && !allowEmptyParts) {
    throw new OptionError(
      'partition',
      `vertices of device ${empty}`,
      0,
      'at least 1',
      'use fewer devices, another partition, or allow empty parts',
    );
  }
  const trainMask = vertexMask(data.graph.numVertices, data.split.train);
  const metrics = partitionMetrics(data.graph, partOf, { devicesPerServer: cluster.devicesPerServer, trainMask });
  onEvent?.({ type: 'partition', metrics, seconds: (performance.now() - start) / 1000 });
  const method = typeof partition === 'string' ? partition : 'given';
  return { partOf: toShared(partOf), metrics: { ...metrics, method } };
}
