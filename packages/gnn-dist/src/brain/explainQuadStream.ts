/** What a trained {@link QuadStreamGcn} looked at. */
import { OptionError } from '@strata-ml/core';
import * as tf from '@tensorflow/tfjs-core';
import { LiveBatch } from './GraphBatch.js';
import type { QuadStreamGcn } from './QuadStreamGcn.js';
import { isSignBlind } from './quadStreamSpec.js';
import type { SignedGraph } from './SignedGraph.js';

/** Result of {@link explainQuadStream}. */
export interface Explanation {
  /** Weight of each stream of the model's spec; they sum to 1. */
  readonly gates: readonly number[];
  /** Mean |gradient × input| of each region's features, float32 `[R]`. */
  readonly regions: Float32Array;
  /** Pairs of regions i < j whose weight moves the score most, with ∂score/∂(weight of the pair), strongest first. */
  readonly edges: readonly (readonly [i: number, j: number, gradient: number])[];
}

/** Options of {@link explainQuadStream}. */
export interface ExplainOptions {
  /** Class whose score is explained. @defaultValue the last class */
  readonly target?: number;
  /** Edges to return. @defaultValue `20` */
  readonly top?: number;
}

/** Saliency of a class score for one graph. */
export function explainQuadStream(
  model: QuadStreamGcn,
  graph: SignedGraph,
  { target = model.spec.classes - 1, top = 20 }: ExplainOptions = {},
): Explanation {
  const { regions, features, classes, filterPower, streams } = model.spec;
  if (!Number.isSafeInteger(target) || target < 0 || target >= classes) {
    throw new OptionError('explainQuadStream', 'target', target, `in 0..${classes - 1}`);
  }
  const signBlind = streams.every(isSignBlind);
  return tf.tidy(() => {
    const adjacency = tf.tensor3d(graph.adjacency, [1, regions, regions]);
    // The features take their own argument, so that their gradient is apart from that of the edges.
    const own = graph.features
      ? tf.tensor3d(graph.features, [1, regions, features])
      : signBlind
        ? tf.abs(adjacency)
        : adjacency.clone();
    const score = (a: tf.Tensor, x: tf.Tensor): tf.Tensor =>
      tf.sum(
        tf.slice(model.forward(new LiveBatch(a as tf.Tensor3D, x as tf.Tensor3D, filterPower)), [0, target], [1, 1]),
      );
    const [dAdjacency, dFeatures] = tf.grads(score)([adjacency, own]) as [tf.Tensor3D, tf.Tensor3D];
    const saliency = tf.mean(tf.abs(tf.mul(dFeatures, own)), 2).dataSync() as Float32Array;
    const gradient = dAdjacency.dataSync();
    const edges: [number, number, number][] = [];
    for (let i = 0; i < regions; i++) {
      for (let j = i + 1; j < regions; j++) edges.push([i, j, gradient[i * regions + j]! + gradient[j * regions + i]!]);
    }
    edges.sort((a, b) => Math.abs(b[2]) - Math.abs(a[2]) || a[0] - b[0] || a[1] - b[1]);
    return { gates: model.gates(), regions: saliency.slice(), edges: edges.slice(0, top) };
  });
}
