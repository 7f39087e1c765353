/** The squared norm of a flat buffer, for clipping gradients. */
import { kernelSpace } from './kernelMemory.js';
import { withArrays } from './staging.js';

/** Elements at a time, wherever the array lives: the order of the sums does not depend on it. */
const CHUNK = 16_384;

/**
 * Σ x² of float32 `[n]`, with squares and sums in float64: no overflow, and about 16 correct digits. O(n).
 *
 * @example
 * sumOfSquares(Float32Array.of(3, 4)); // => 25
 */
export function sumOfSquares(x: Float32Array): number {
  const { space, kernels } = kernelSpace();
  let sum = 0;
  for (let begin = 0; begin < x.length; begin += CHUNK) {
    const part = x.subarray(begin, begin + CHUNK);
    withArrays(space, [part], [], (at) => {
      sum += kernels.sumOfSquares(at!, part.length);
    });
  }
  return sum;
}
