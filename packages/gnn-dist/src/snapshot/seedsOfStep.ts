/** Which of its own training vertices a device takes in a step. */
import { Rng } from '@strata-ml/core';

/**
 * Part `step` of `steps` nearly equal parts of `own`, shuffled anew in every epoch; parts of an epoch share no vertex.
 *
 * @returns ascending
 */
export function seedsOfStep(
  own: Int32Array,
  { seed, rank, epoch, step, steps }: Readonly<Record<'seed' | 'rank' | 'epoch' | 'step' | 'steps', number>>,
): Int32Array {
  const order = new Rng(seed).split('snapshot seeds', rank, epoch).permutation(own.length);
  const begin = Math.floor((step * own.length) / steps);
  const end = Math.floor(((step + 1) * own.length) / steps);
  return Int32Array.from(order.subarray(begin, end), (i) => own[i]!).sort();
}
