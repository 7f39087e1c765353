/** Softmax-weighted sums over in-neighbours with several attention heads: the core of GAT. */

import { readTensor, tensorFrom } from '@strata-ml/kernels';
import * as tf from '@tensorflow/tfjs-core';
import type { NeighbourBlock } from '../GraphContext.js';

/** Slope of LeakyReLU below zero, as in the paper. */
const slope = 0.2;

/**
 * out[v, k, :] = Σ_u α[uv, k]·p[u, k, :], α = softmax over the in-neighbours u of v of
 * LeakyReLU₀.₂(source[k]·p[u, k] + target[k]·p[v, k]); differentiable in p, source and target.
 *
 * Cost: O(edges · K · D) forward, twice that backward; keeps float32 `[edges, K]` in between. A row without
 * in-neighbours becomes 0.
 *
 * @param p - projected source rows, float32 `[numSources, K·D]`; owned rows first
 * @param source - float32 `[K, D]`
 * @param target - float32 `[K, D]`
 * @returns float32 `[numOwned, K·D]`
 */
export function edgeAttention(
  p: tf.Tensor2D,
  source: tf.Tensor2D,
  target: tf.Tensor2D,
  block: NeighbourBlock,
): tf.Tensor2D {
  const [heads, width] = source.shape;
  const columns = heads * width;
  const numOwned = block.indptr.length - 1;
  const numSources = p.shape[0];
  const op = tf.customGrad((...args) => {
    const [p, source, target, save] = args as unknown as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D, tf.GradSaveFunc];
    const plan: AttentionPlan = { block, heads, width, numOwned, numSources };
    const alpha = new Float32Array(block.indices.length * heads);
    const scores = new Float32Array(block.indices.length * heads);
    const value = tensorFrom([numOwned, columns], (out) => {
      const rows = readTensor(p);
      attentionWeights(plan, rows, readTensor(source), readTensor(target), scores, alpha);
      weightedSums(plan, rows, alpha, out);
    });
    save([p, source, target]);
    return {
      value,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [p, source, target] = saved as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D];
        const dSource = new Float64Array(columns);
        const dTarget = new Float64Array(columns);
        const dp = tensorFrom([numSources, columns], (out) => {
          const inputs = { rows: readTensor(p), source: readTensor(source), target: readTensor(target) };
          attentionBackward(plan, inputs, readTensor(dy), scores, alpha, { dp: out, dSource, dTarget });
        });
        return [dp, matrix(dSource, heads, width), matrix(dTarget, heads, width)];
      },
    };
  });
  return op(p, source, target) as tf.Tensor2D;
}

interface AttentionPlan {
  readonly block: NeighbourBlock;
  readonly heads: number;
  readonly width: number;
  readonly numOwned: number;
  readonly numSources: number;
}

function matrix(values: Float64Array, rows: number, columns: number): tf.Tensor {
  return tensorFrom([rows, columns], (out) => out.set(values));
}

/** vectors[k]·rows[r, k, :] for the first `count` rows, float64 `[count, K]`. */
function headScores(plan: AttentionPlan, rows: Float32Array, vectors: Float32Array, count: number): Float64Array {
  const { heads, width } = plan;
  const scores = new Float64Array(count * heads);
  for (let i = 0; i < scores.length; i++) {
    const base = (i % heads) * width;
    let sum = 0;
    for (let c = 0; c < width; c++) sum += rows[i * width + c]! * vectors[base + c]!;
    scores[i] = sum;
  }
  return scores;
}

/** Fills `scores` (before LeakyReLU) and `alpha`, both `[edges, K]`. */
function attentionWeights(
  plan: AttentionPlan,
  rows: Float32Array,
  source: Float32Array,
  target: Float32Array,
  scores: Float32Array,
  alpha: Float32Array,
): void {
  const { block, heads, numOwned, numSources } = plan;
  const { indptr, indices } = block;
  const fromSource = headScores(plan, rows, source, numSources);
  const fromTarget = headScores(plan, rows, target, numOwned);
  for (let v = 0; v < numOwned; v++) {
    const begin = indptr[v]!;
    const end = indptr[v + 1]!;
    for (let k = 0; k < heads; k++) {
      let largest = -Infinity;
      for (let e = begin; e < end; e++) {
        const raw = fromSource[indices[e]! * heads + k]! + fromTarget[v * heads + k]!;
        scores[e * heads + k] = raw;
        largest = Math.max(largest, raw > 0 ? raw : slope * raw);
      }
      let total = 0;
      for (let e = begin; e < end; e++) {
        const raw = scores[e * heads + k]!;
        const weight = Math.exp((raw > 0 ? raw : slope * raw) - largest);
        alpha[e * heads + k] = weight;
        total += weight;
      }
      for (let e = begin; e < end; e++) alpha[e * heads + k]! /= total;
    }
  }
}

function weightedSums(plan: AttentionPlan, rows: Float32Array, alpha: Float32Array, out: Float32Array): void {
  const { block, heads, width, numOwned } = plan;
  const { indptr, indices } = block;
  const columns = heads * width;
  out.fill(0);
  for (let v = 0; v < numOwned; v++) {
    for (let e = indptr[v]!; e < indptr[v + 1]!; e++) {
      const from = indices[e]! * columns;
      for (let k = 0; k < heads; k++) {
        const weight = alpha[e * heads + k]!;
        const shift = k * width;
        for (let c = shift; c < shift + width; c++) out[v * columns + c]! += weight * rows[from + c]!;
      }
    }
  }
}

/** Gradients of p, source and target; the score gradients are summed per row before they meet the vectors. */
function attentionBackward(
  plan: AttentionPlan,
  inputs: { readonly rows: Float32Array; readonly source: Float32Array; readonly target: Float32Array },
  dy: Float32Array,
  scores: Float32Array,
  alpha: Float32Array,
  out: { readonly dp: Float32Array; readonly dSource: Float64Array; readonly dTarget: Float64Array },
): void {
  const { block, heads, width, numOwned, numSources } = plan;
  const { indptr, indices } = block;
  const { rows } = inputs;
  const columns = heads * width;
  const dFromSource = new Float64Array(numSources * heads);
  const dFromTarget = new Float64Array(numOwned * heads);
  let dAlpha = new Float64Array(0);
  out.dp.fill(0);
  for (let v = 0; v < numOwned; v++) {
    const begin = indptr[v]!;
    const end = indptr[v + 1]!;
    if (dAlpha.length < end - begin) dAlpha = new Float64Array(end - begin);
    for (let k = 0; k < heads; k++) {
      const to = v * columns + k * width;
      let mean = 0; // Σ α·dα: what softmax subtracts
      for (let e = begin; e < end; e++) {
        const from = indices[e]! * columns + k * width;
        const weight = alpha[e * heads + k]!;
        let dot = 0;
        for (let c = 0; c < width; c++) {
          dot += dy[to + c]! * rows[from + c]!;
          out.dp[from + c]! += weight * dy[to + c]!;
        }
        dAlpha[e - begin] = dot;
        mean += weight * dot;
      }
      for (let e = begin; e < end; e++) {
        const leak = scores[e * heads + k]! > 0 ? 1 : slope;
        const d = alpha[e * heads + k]! * (dAlpha[e - begin]! - mean) * leak;
        dFromSource[indices[e]! * heads + k]! += d;
        dFromTarget[v * heads + k]! += d;
      }
    }
  }
  addVectorGradients(plan, rows, inputs.source, dFromSource, out.dp, out.dSource);
  addVectorGradients(plan, rows, inputs.target, dFromTarget, out.dp, out.dTarget);
}

/** Backward of `headScores`: dp[r, k] += d[r, k]·vectors[k] and dVectors[k] += d[r, k]·rows[r, k]. */
function addVectorGradients(
  plan: AttentionPlan,
  rows: Float32Array,
  vectors: Float32Array,
  d: Float64Array,
  dp: Float32Array,
  dVectors: Float64Array,
): void {
  const { heads, width } = plan;
  for (let i = 0; i < d.length; i++) {
    const base = (i % heads) * width;
    for (let c = 0; c < width; c++) {
      dp[i * width + c]! += d[i]! * vectors[base + c]!;
      dVectors[base + c]! += d[i]! * rows[i * width + c]!;
    }
  }
}
