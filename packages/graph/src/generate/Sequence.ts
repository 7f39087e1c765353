/**
 * A fast stream of random numbers for generators that draw hundreds of millions: xoshiro128**, seeded from an `Rng`.
 *
 * Generators run in one piece, so they do not need the position-addressed numbers of `Rng`, which cost a Philox block
 * each. Blackman, Vigna: "Scrambled Linear Pseudorandom Number Generators", ACM TOMS 2021, arXiv:1805.01407.
 */
import type { Rng } from '@strata-ml/core';

export class Sequence {
  #a: number;
  #b: number;
  #c: number;
  #d: number;
  #spare = Number.NaN;

  constructor(rng: Rng) {
    [this.#a, this.#b, this.#c] = [rng.uint32At(0), rng.uint32At(1), rng.uint32At(2)];
    this.#d = rng.uint32At(3) || 1; // the state may not be all zero
  }

  /** 32 random bits, as an integer in 0 … 2³² − 1. */
  uint32(): number {
    const scrambled = Math.imul(this.#b, 5);
    const result = Math.imul((scrambled << 7) | (scrambled >>> 25), 9) >>> 0;
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return result;
  }

  /** float64 in [0, 1) with 53 random bits. */
  uniform(): number {
    return ((this.uint32() >>> 5) * 2 ** 26 + (this.uint32() >>> 6)) / 2 ** 53;
  }

  /** Integer in 0 … n − 1. */
  below(n: number): number {
    return Math.floor(this.uniform() * n);
  }

  /** Standard normal, by Box-Muller. */
  normal(): number {
    if (!Number.isNaN(this.#spare)) {
      const value = this.#spare;
      this.#spare = Number.NaN;
      return value;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    const angle = 2 * Math.PI * this.uniform();
    this.#spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }
}
