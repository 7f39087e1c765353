/** Random positions without replacement. */
import type { Rng } from '@strata-ml/core';
import { philox4x32 } from '@strata-ml/kernels';

/**
 * `k` distinct positions below `n` in ascending order, uint32 `[k]`; every set is equally likely. O(n / 32 + k) time.
 *
 * Draws go into a bitmap until it holds enough; above one half, those left out are drawn instead.
 */
export function drawPositions(n: number, k: number, rng: Rng): Uint32Array {
  const isComplement = k > n / 2;
  const wanted = isComplement ? n - k : k;
  const words = new Uint32Array(Math.ceil(n / 32));
  const four = new Uint32Array(4);
  for (let found = 0, draw = 0; found < wanted; draw++) {
    // What rng.intAt(n, draw) gives, with four draws from each block of words.
    if (draw % 4 === 0) philox4x32(four, rng.key[0], rng.key[1], draw / 4);
    const i = Math.floor((four[draw & 3]! / 2 ** 32) * n);
    const bit = 1 << (i & 31);
    if (words[i >>> 5]! & bit) continue;
    words[i >>> 5]! |= bit;
    found++;
  }
  const positions = new Uint32Array(k);
  let at = 0;
  for (let w = 0; w < words.length; w++) {
    let bits = isComplement ? ~words[w]! : words[w]!;
    if (w === words.length - 1 && n % 32 !== 0) bits &= 2 ** (n % 32) - 1;
    for (; bits !== 0; bits &= bits - 1) positions[at++] = 32 * w + (31 - Math.clz32(bits & -bits));
  }
  return positions;
}
