/**
 * Tensor parallelism without devices: every rank runs again and again, and each run knows what the others brought to one
 * more reduction. After as many rounds as there are reductions, all values and gradients are those of a real group.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { TensorParallel } from '../../src/index.js';

/** What each rank brought to each reduction, by [place in the pass][rank]. */
type Ledger = Float32Array[][];

/**
 * Runs `pass` on every rank until reductions stop changing, and gives the results of the last round.
 *
 * @param pass - forward and backward of one rank; gives plain values
 */
export function replayRanks<T>(size: number, pass: (tensorParallel: TensorParallel) => T): T[] {
  const forward: Ledger = [];
  const backward: Ledger = [];
  for (let round = 0; ; round++) {
    const before = JSON.stringify([forward, backward]);
    const results = Array.from({ length: size }, (_, rank) => {
      const counts = { forward: 0, backward: 0 };
      const sum = (ledger: Ledger, x: tf.Tensor, place: number): tf.Tensor => {
        ledger[place] ??= [];
        ledger[place][rank] = x.dataSync<'float32'>().slice();
        const others = ledger[place].filter((_, other) => other !== rank);
        return tf.addN([tf.clone(x), ...others.map((values) => tf.tensor(values, x.shape))]);
      };
      const through = (x: tf.Tensor, value: (x: tf.Tensor) => tf.Tensor, gradFunc: (dy: tf.Tensor) => tf.Tensor) =>
        tf.customGrad((...[x]) => ({ value: value(x as tf.Tensor), gradFunc }))(x);
      return pass({
        size,
        rank,
        copyToRegion: (x) => through(x, tf.clone, (dy) => sum(backward, dy, counts.backward++)),
        reduceFromRegion: (x) => through(x, (x) => sum(forward, x, counts.forward++), tf.clone),
      });
    });
    if (JSON.stringify([forward, backward]) === before) return results;
    if (round > 100) throw new Error('replayRanks: reductions do not settle');
  }
}
