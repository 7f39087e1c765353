/** Input features of a graph's vertices, sparse or dense; the same shape of data as `NodeDataset.features`. */
import { OptionError, ShapeError } from '@strata-ml/core';
import type { Csr } from '@strata-ml/kernels';

/** Features as a CSR matrix `[n, F]`, as a dense float32 matrix `[n, F]` row by row, or none. */
export type NodeFeatures =
  | { readonly kind: 'csr'; readonly csr: Csr }
  | { readonly kind: 'dense'; readonly values: Float32Array }
  | { readonly kind: 'none' };

/**
 * Number of feature columns of `n` vertices.
 *
 * @throws {@link ShapeError} if the row count is not `n`.
 * @throws {@link OptionError} if there are no features.
 */
export function featureWidth(where: string, features: NodeFeatures, n: number): number {
  if (features.kind === 'csr') {
    if (features.csr.rows !== n) {
      throw new ShapeError(where, 'features', [features.csr.rows, features.csr.cols], `[${n}, F]`);
    }
    return features.csr.cols;
  }
  if (features.kind === 'none') {
    throw new OptionError(where, 'features', 'none', 'csr or dense', "load the data set with `features: 'degree'`");
  }
  const { length } = features.values;
  if (n === 0 || length % n !== 0 || length === 0) throw new ShapeError(where, 'features', [length], `[${n} · F]`);
  return length / n;
}
