/** A prepared graph as people read it. */
import { formatBytes } from '@strata-ml/core';
import type { GraphStoreMeta } from '@strata-ml/storage-offload';
import { count, figure, percent, seconds } from '../../output/format.js';
import { factTable } from '../../output/table.js';

/** Facts of `meta.json`. */
export function storeTable(meta: GraphStoreMeta, folder: string): string {
  const { vertices, edges, parts, featureWidth, classes, partitioner, preparation, weights } = meta;
  const rows = meta.nonZeros.map((_, p) => meta.offsets[p + 1]! - meta.offsets[p]!);
  return factTable([
    ['folder', folder],
    ['vertices', count(vertices), `${count(featureWidth)} features, ${count(classes)} classes`],
    ['edges', count(edges), `directed, self-loops included; weights: ${weights}`],
    [
      'partitions',
      count(parts),
      `${partitioner.method}, ${count(Math.min(...rows))} to ${count(Math.max(...rows))} vertices`,
    ],
    ['gathered rows per vertex (α)', figure(partitioner.alpha), 'grows what crosses between host and device'],
    ['rows of partitions read (ρ)', figure(partitioner.rho), 'per vertex and pass if nothing is cached'],
    ['cut edges', count(partitioner.cutEdges), percent(partitioner.cutEdges / Math.max(1, edges))],
    ['balance', figure(partitioner.balance), `in vertices; ${figure(partitioner.edgeBalance)} in edges`],
    ['partitioned in', seconds(partitioner.seconds)],
    [
      'prepared in',
      seconds(preparation.seconds),
      `holding at most ${formatBytes(preparation.peakBytes)} beside the input`,
    ],
  ]);
}
