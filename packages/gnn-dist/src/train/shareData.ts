/** Data of a run in memory that ranks share. */
import { toShared } from '@strata-ml/core';
import type { GraphData } from '../data.js';

/** Large arrays over shared memory: ranks read them without a copy. */
export function shareData(data: GraphData): Omit<GraphData, 'graph'> {
  const { graph: _, features, multiLabels, labels, split, ...rest } = data;
  return {
    ...rest,
    labels: toShared(labels),
    ...(multiLabels ? { multiLabels: toShared(multiLabels) } : {}),
    split: { train: toShared(split.train), val: toShared(split.val), test: toShared(split.test) },
    features:
      features.kind === 'dense'
        ? { kind: 'dense', values: toShared(features.values) }
        : {
            kind: 'csr',
            csr: {
              ...features.csr,
              indptr: toShared(features.csr.indptr),
              indices: toShared(features.csr.indices),
              ...(features.csr.values ? { values: toShared(features.csr.values) } : {}),
            },
          },
  };
}
