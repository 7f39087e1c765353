/** Feature rows ready for products: chosen from the data by vertex id. */
import { type SparseOperator, tensorFrom } from '@strata-ml/kernels';
import * as tf from '@tensorflow/tfjs-core';
import type { Features } from '../data.js';
import { SparseRows } from './sparseRows.js';

/** Rows of input features: sparse and prepared, or dense float32 `[n, F]` (kept: it outlives tidy scopes). */
export type FeatureRows = SparseOperator | tf.Tensor2D;

/** The rows of vertices `ids`, in that order. */
export function selectFeatureRows(features: Features, width: number, ids: Int32Array): FeatureRows {
  if (features.kind === 'csr') return SparseRows.select(features.csr, ids).operator();
  const { values } = features;
  return tf.keep(
    tensorFrom([ids.length, width], (out) => {
      for (let row = 0; row < ids.length; row++) {
        out.set(values.subarray(ids[row]! * width, (ids[row]! + 1) * width), row * width);
      }
    }) as tf.Tensor2D,
  );
}
