/** The filters of a signed graph: which edges a stream reads, and which end of their spectrum it keeps. */
import { OptionError } from '@strata-ml/core';
import * as tf from '@tensorflow/tfjs-core';

/** `EDGES-BAND`: positive, negative or all edges (by magnitude); smooth (low) or contrastive (high) part. */
export const streams = [
  'positive-low',
  'positive-high',
  'negative-low',
  'negative-high',
  'absolute-low',
  'absolute-high',
] as const;
/** One of {@link streams}. */
export type Stream = (typeof streams)[number];

/** Both signs × both bands. */
export const quadStreams: readonly Stream[] = streams.slice(0, 4);

/** Sets of streams that leave something out, by what they are: the ablations of the quad-stream network. */
export const streamSets = {
  quad: quadStreams,
  'sign-only': ['positive-low', 'negative-low'],
  'spectrum-only': ['absolute-low', 'absolute-high'],
  gcn: ['absolute-low'],
} as const satisfies Record<string, readonly Stream[]>;

/**
 * S^K or (I − S)^K with S = D^(-1/2)·(A + I)·D^(-1/2), D the row sums of A + I, and A the weights of one sign or all
 * magnitudes. Differentiable in `adjacency`.
 *
 * @param adjacency - float32 `[B, R, R]`, symmetric, diagonal 0
 * @param power - K ≥ 1
 * @returns float32 `[B, R, R]`
 */
export function streamFilter(adjacency: tf.Tensor3D, stream: Stream, power = 1): tf.Tensor3D {
  if (!streams.includes(stream)) {
    throw new OptionError('streamFilter', 'stream', stream, `one of ${streams.join(', ')}`);
  }
  const [edges, band] = stream.split('-');
  const [, regions] = adjacency.shape;
  return tf.tidy(() => {
    const weights =
      edges === 'positive' ? tf.relu(adjacency) : edges === 'negative' ? tf.relu(tf.neg(adjacency)) : tf.abs(adjacency);
    const identity = tf.expandDims(tf.eye(regions), 0) as tf.Tensor3D;
    const withLoops = tf.add(weights, identity);
    const scale = tf.rsqrt(tf.sum(withLoops, 2, true));
    const smooth = tf.mul(tf.mul(withLoops, scale), tf.transpose(scale, [0, 2, 1])) as tf.Tensor3D;
    const filter = band === 'low' ? smooth : (tf.sub(identity, smooth) as tf.Tensor3D);
    let result = filter;
    for (let k = 1; k < power; k++) result = tf.matMul(result, filter);
    return result;
  });
}
