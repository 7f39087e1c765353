/** Scaling of input features before training. */
import type { NodeFeatures } from './NodeFeatures.js';

/** How input rows are scaled: to a sum of 1 (Kipf and Welling's GCN), or not at all. */
export const featureNorms = ['row', 'none'] as const;
/** One of {@link featureNorms}. */
export type FeatureNorm = (typeof featureNorms)[number];

/**
 * Divides each row by the sum of its absolute values; rows of zeros stay. float64 sums, float32 results in shared
 * memory; the input is not changed.
 *
 * Kipf, Welling: "Semi-Supervised Classification with Graph Convolutional Networks", ICLR 2017, arXiv:1609.02907.
 *
 * @param width - feature columns
 */
export function normaliseFeatures<F extends NodeFeatures>(features: F, width: number, norm: FeatureNorm): F;
export function normaliseFeatures(features: NodeFeatures, width: number, norm: FeatureNorm): NodeFeatures {
  if (norm === 'none' || features.kind === 'none') return features;
  if (features.kind === 'dense') {
    const values = shared(features.values.length);
    for (let at = 0; at < values.length; at += width) scaleRow(features.values, values, at, at + width);
    return { kind: 'dense', values };
  }
  const { csr } = features;
  const ones = csr.values ?? new Float32Array(csr.indices.length).fill(1);
  const values = shared(ones.length);
  for (let row = 0; row < csr.rows; row++) scaleRow(ones, values, csr.indptr[row]!, csr.indptr[row + 1]!);
  return { kind: 'csr', csr: { ...csr, values } };
}

function scaleRow(from: Float32Array, to: Float32Array, begin: number, end: number): void {
  let sum = 0;
  for (let i = begin; i < end; i++) sum += Math.abs(from[i]!);
  for (let i = begin; i < end; i++) to[i] = sum > 0 ? from[i]! / sum : 0;
}

const shared = (length: number) => new Float32Array(new SharedArrayBuffer(4 * length));
