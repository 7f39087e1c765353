/**
 * Counter-based randomness: a generator is a 64-bit key; `split` derives an independent generator from names and
 * numbers; values are addressed by position, not by how many were drawn before. Results therefore do not depend on how
 * work is divided over devices. Built on Philox4x32-10 (see `@strata-ml/kernels`).
 */
import { philox4x32 } from '@strata-ml/kernels';

/** A counter-based generator. Immutable: `split` returns a new one, `…At` methods are pure functions of the position. */
export class Rng {
  /** The 64-bit key as two uint32 words; kernels that draw many values take it directly. */
  readonly key: readonly [number, number];
  readonly #words = new Uint32Array(4);

  /** @param seed - any safe integer; or a key taken from another generator */
  constructor(seed: number | readonly [number, number]) {
    this.key =
      typeof seed === 'number' ? [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0] : [seed[0] >>> 0, seed[1] >>> 0];
  }

  /** Derives an independent generator from a path such as `('dropout', epoch, layer)`. */
  split(...path: readonly (string | number)[]): Rng {
    let [k0, k1] = this.key;
    for (const part of path) {
      // Strings and numbers hash to different counters, so split('1') and split(1) differ.
      const [a, b] = typeof part === 'number' ? [part >>> 0, Math.floor(part / 2 ** 32) >>> 0] : hashString(part);
      const out = philox4x32(this.#words, k0, k1, a, b, typeof part === 'number' ? 1 : 2, 0x5712a7a);
      k0 = out[0]!;
      k1 = out[1]!;
    }
    return new Rng([k0, k1]);
  }

  /** uint32 at position (i, j): word `i & 3` of the counter (i >> 2, j). */
  uint32At(i: number, j = 0): number {
    return philox4x32(this.#words, this.key[0], this.key[1], Math.floor(i / 4) >>> 0, j >>> 0)[i & 3]!;
  }

  /** float64 in [0, 1) with 32 random bits, at position (i, j). */
  uniformAt(i: number, j = 0): number {
    return this.uint32At(i, j) / 2 ** 32;
  }

  /** Standard normal value at position (i, j), by Box-Muller on the two words of the position's pair. */
  normalAt(i: number, j = 0): number {
    const pair = i & ~1;
    const radius = Math.sqrt(-2 * Math.log((this.uint32At(pair, j) + 1) / 2 ** 32));
    const angle = 2 * Math.PI * (this.uint32At(pair + 1, j) / 2 ** 32);
    return i & 1 ? radius * Math.sin(angle) : radius * Math.cos(angle);
  }

  /** Integer in [0, n) at position (i, j); the bias is below n / 2³². */
  intAt(n: number, i: number, j = 0): number {
    return Math.floor((this.uint32At(i, j) / 2 ** 32) * n);
  }

  /** Random permutation of 0..n-1 as int32 `[n]` (Fisher-Yates). */
  permutation(n: number): Int32Array {
    const order = Int32Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = this.intAt(i + 1, i);
      const t = order[i]!;
      order[i] = order[j]!;
      order[j] = t;
    }
    return order;
  }
}

/** FNV-1a over UTF-16 units, two lanes with different offsets: 64 bits are enough for names. */
function hashString(text: string): [number, number] {
  let a = 0x811c9dc5;
  let b = 0x9747b28c;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    a = Math.imul(a ^ c, 0x01000193);
    b = Math.imul(b ^ c, 0x85ebca6b);
  }
  return [a >>> 0, b >>> 0];
}
