/** Partitioners that do not look at edges: random, range and hash. */
import type { Rng } from '@strata-ml/core';
import type { Targets } from './Targets.js';

/** Shuffles the vertices and deals out shares; sizes differ from their ideal by less than 1. */
export function randomParts(n: number, targets: Targets, rng: Rng, partOf: Int32Array): void {
  const order = rng.permutation(n);
  fillShares(n, targets, (position, part) => {
    partOf[order[position]!] = part;
  });
}

/** Consecutive ids; sizes differ from their ideal by less than 1. */
export function rangeParts(n: number, targets: Targets, partOf: Int32Array): void {
  fillShares(n, targets, (position, part) => {
    partOf[position] = part;
  });
}

/**
 * Part by a hash of the vertex id alone. Where a cap or a minimum (parts must not be empty) would be broken, the next
 * part that has room is taken; beyond a few dozen vertices per part that does not happen.
 *
 * @param ids - what to hash for each vertex. @defaultValue its own number
 */
export function hashParts(n: number, targets: Targets, salt: number, partOf: Int32Array, ids?: Int32Array): void {
  const { shares, caps, minimums } = targets;
  const p = shares.length;
  const sizes = new Int32Array(p);
  let missing = minimums.reduce((a, b) => a + b, 0);
  for (let v = 0; v < n; v++) {
    const isForced = n - v <= missing;
    const at = mix(Math.imul((ids ? ids[v]! : v) + 1, 0x9e3779b1) ^ salt) / 2 ** 32;
    let part = 0;
    for (let sum = shares[0]!; sum <= at && part < p - 1; sum += shares[part]!) part++;
    while (sizes[part]! >= (isForced ? minimums[part]! : caps[part]!)) part = (part + 1) % p;
    if (sizes[part]! < minimums[part]!) missing--;
    sizes[part]!++;
    partOf[v] = part;
  }
}

/** Cuts positions 0 … n − 1 at the rounded cumulative shares. */
function fillShares(n: number, { shares }: Targets, place: (position: number, part: number) => void): void {
  let sum = 0;
  let position = 0;
  for (let part = 0; part < shares.length; part++) {
    sum += shares[part]!;
    // 1e-6: sums of shares are inexact, and a half must round the same way at both ends of a part.
    const end = part === shares.length - 1 ? n : Math.floor(n * sum + 0.5 + 1e-6);
    while (position < end) place(position++, part);
  }
}

/** MurmurHash3's finaliser: every input bit reaches every output bit. */
function mix(x: number): number {
  let h = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
