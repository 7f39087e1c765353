/** Dropout by a counter-based generator, as one operation. */
import { type DropoutKey, dropoutRowsInto, OptionError, readTensor, unfilledTensor } from '@strata-ml/kernels';
import * as tf from '@tensorflow/tfjs-core';
import { asOperation, rowsOf } from './gradients.js';

/**
 * Drops entries with probability `rate` and scales the others by 1 / (1 − rate); differentiable.
 *
 * Which entries is a pure function of the key and of an entry's place (row over all leading dimensions, column): the same
 * key gives the same mask on every backend, and the gradient draws it again instead of keeping it. Give every layer and
 * step a key of its own, such as `[seed, step]`.
 * Srivastava et al.: "Dropout", JMLR 2014; Salmon et al.: "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
 *
 * @param rate - in [0, 1)
 * @param key - two uint32 words
 * @throws OptionError if `rate` is outside [0, 1).
 */
export function dropout<T extends tf.Tensor>(x: T, rate: number, key: DropoutKey): T {
  if (!(rate >= 0 && rate < 1)) throw new OptionError('dropout', 'rate', rate, 'in [0, 1)');
  const { rows, width } = rowsOf(x);
  const masked = (input: tf.Tensor) =>
    unfilledTensor(input.shape, (out) => dropoutRowsInto(readTensor(input), width, rowIds(rows), rate, key, out));
  return asOperation<T>([x], (x) => ({
    value: rate === 0 ? tf.clone(x!) : masked(x!),
    saved: [],
    gradient: (dy) => [rate === 0 ? tf.clone(dy) : masked(dy)],
  }));
}

let ids = new Int32Array(0);

/** 0, 1, … n − 1; kept, because every step asks for it. */
function rowIds(n: number): Int32Array {
  if (ids.length < n) ids = Int32Array.from({ length: n }, (_, i) => i);
  return ids.subarray(0, n);
}
