/** Sums over a tensor that compressors take their scales from, in one pass. */
import { bytesOf, eachPiece } from './bytes.js';

/** What {@link moments} gives. */
export interface Moments {
  /** Σ of the entries ≥ 0. */
  readonly positiveSum: number;
  /** Σ of the entries < 0. */
  readonly negativeSum: number;
  /** How many entries are ≥ 0. */
  readonly positiveCount: number;
  /** Σ x². */
  readonly squares: number;
  /** max |x|, 0 if there are none. */
  readonly largest: number;
}

/**
 * Sums of the entries ≥ 0 (−0 too) and of those below, Σ x², max |x|: x float32 `[n]`, sums in float64. O(n). A NaN or an
 * infinity makes `squares` NaN or infinite.
 *
 * @example
 * const { positiveSum, negativeSum, largest } = moments(Float32Array.of(3, -4, 0));
 * [positiveSum, negativeSum, largest]; // => [3, -4, 4]
 */
export function moments(x: Float32Array): Moments {
  // Where the sums lie differs from call to call, the order of the sums does not.
  const total = new Float64Array(5);
  eachPiece(x.length, 4, 4, ({ kernels, input, output, begin, count, padded, bytes }) => {
    bytes(input, 4 * count).set(bytesOf(x.subarray(begin, begin + count)));
    bytes(input + 4 * count, 4 * (padded - count)).fill(0);
    bytes(output, 40).set(bytesOf(total));
    kernels.moments(input, padded, output);
    total.set(new Float64Array(bytes(output, 40).buffer, output, 5));
    total[2]! -= padded - count;
  });
  const [positiveSum, negativeSum, positiveCount, squares, largest] = total as unknown as [
    number,
    number,
    number,
    number,
    number,
  ];
  return { positiveSum, negativeSum, positiveCount, squares, largest };
}
