/**
 * How many bits each row of a message gets: few where rounding does little harm, more elsewhere.
 *
 * AdaQP (MLSys 2023, arXiv:2306.01381) weighs the variance of all messages against the time of the slowest pair of
 * devices, a program for a solver. Ours weighs it against the bytes that the device sends: each group of rows can then
 * choose for itself, and the choice is the best one.
 */
import { type MessageBits, messageBits } from './quantisedRows.js';

/** What bits are assigned by. */
export interface AssignBitsOptions {
  /** Rows that are decided on together, neighbours in order of variance. */
  readonly groupSize: number;
  /** Weight of variance against bytes, in [0, 1]. */
  readonly lambda: number;
}

/**
 * Minimises λ · variance + (1 − λ) · bytes, each divided by what lies between all rows at 2 and all at 8 bits.
 *
 * @param harm - variance of each row if its codes had one step: (F/6) · range² · Σ weights². float64 `[rows]`
 * @returns bits of each row. uint8 `[rows]`
 */
export function assignBits(harm: Float64Array, { groupSize, lambda }: AssignBitsOptions): Uint8Array {
  const order = Int32Array.from(harm.keys()).sort((a, b) => harm[b]! - harm[a]! || a - b);
  const total = harm.reduce((sum, h) => sum + h, 0);
  const variance = (h: number, b: MessageBits) => h / (2 ** b - 1) ** 2;
  const varianceSpan = variance(total, 2) - variance(total, 8);
  const byteSpan = harm.length * (8 - 2);
  const bits = new Uint8Array(harm.length);
  for (let begin = 0; begin < order.length; begin += groupSize) {
    const group = order.subarray(begin, begin + groupSize);
    const groupHarm = group.reduce((sum, row) => sum + harm[row]!, 0);
    const cost = (b: MessageBits) =>
      (varianceSpan > 0 ? (lambda * variance(groupHarm, b)) / varianceSpan : 0) +
      ((1 - lambda) * group.length * b) / byteSpan;
    // Infinite or undefined costs compare false: such rows keep 8 bits.
    let best: MessageBits = 8;
    for (const b of messageBits) if (cost(b) < cost(best)) best = b;
    for (const row of group) bits[row] = best;
  }
  return bits;
}
