import { describe, expect, it } from 'vitest';
import { Rng } from '../src/rng.js';

/** Upper 0.1 % point of χ² with k degrees of freedom (Wilson and Hilferty's approximation). */
function chiSquareLimit(k: number): number {
  return k * (1 - 2 / (9 * k) + 3.0902 * Math.sqrt(2 / (9 * k))) ** 3;
}

function chiSquare(counts: readonly number[], expected: number): number {
  return counts.reduce((sum, c) => sum + (c - expected) ** 2 / expected, 0);
}

describe('Rng', () => {
  it('gives the values of every release before', () => {
    const rng = new Rng(1);
    expect([0, 1, 2, 3, 4, 5].map((i) => rng.uint32At(i))).toEqual(KNOWN.words);
    expect([...rng.split('dropout', 3).key]).toEqual(KNOWN.splitKey);
    expect([...new Rng(2 ** 40 + 5).key]).toEqual([5, 256]);
    expect([...rng.permutation(8)]).toEqual(KNOWN.permutation);
    expect(rng.normalAt(0)).toBeCloseTo(KNOWN.normal, 12);
  });

  it('is a function of key and position only', () => {
    const rng = new Rng(9);
    const forward = Array.from({ length: 40 }, (_, i) => rng.uint32At(i, 2));
    const backward = Array.from({ length: 40 }, (_, i) => new Rng([...rng.key]).uint32At(39 - i, 2)).reverse();
    expect(backward).toEqual(forward);
    expect(rng.split('a').split('b', 2).key).toEqual(rng.split('a', 'b', 2).key);
  });

  it('splits into generators that share nothing', () => {
    const rng = new Rng(3);
    const keys = [
      rng,
      rng.split('1'),
      rng.split(1),
      rng.split(1, 2),
      rng.split(2, 1),
      rng.split('a', 'b'),
      rng.split('ab'),
      rng.split(2 ** 32 + 1),
      new Rng(4),
    ].map((r) => r.key.join());
    expect(new Set(keys).size).toBe(keys.length);
    // Correlation of neighbours' uniforms, 20,000 draws: |r| < 4/√n.
    const n = 20_000;
    for (const [a, b] of [
      [rng.split('x', 0), rng.split('x', 1)],
      [rng, rng.split('x')],
      [new Rng(1), new Rng(2)],
    ] as const) {
      let sum = 0;
      for (let i = 0; i < n; i++) sum += (a.uniformAt(i) - 0.5) * (b.uniformAt(i) - 0.5) * 12;
      expect(Math.abs(sum / n)).toBeLessThan(4 / Math.sqrt(n));
    }
  });

  it.each([
    ['along i', (rng: Rng, t: number) => rng.uniformAt(t)],
    ['along j', (rng: Rng, t: number) => rng.uniformAt(5, t)],
    ['over splits', (rng: Rng, t: number) => rng.split(t).uniformAt(0)],
  ])('is uniform %s (χ², 256 cells)', (_, draw) => {
    const counts = new Array<number>(256).fill(0);
    const rng = new Rng(11);
    for (let t = 0; t < 51_200; t++) counts[Math.floor(draw(rng, t) * 256)]!++;
    expect(chiSquare(counts, 200)).toBeLessThan(chiSquareLimit(255));
    expect(chiSquare(counts, 200)).toBeGreaterThan(255 - 6 * Math.sqrt(2 * 255)); // too even is wrong as well
  });

  it('gives normal values: moments 0, 1, 0, 3, and neighbours uncorrelated', () => {
    const rng = new Rng(5).split('normal');
    const n = 100_000;
    const x = Array.from({ length: n }, (_, i) => rng.normalAt(i));
    const moment = (p: number) => x.reduce((sum, v) => sum + v ** p, 0) / n;
    // Standard errors of the moments of a normal: 1, √2, √15, √96 over √n; five of them.
    expect(Math.abs(moment(1))).toBeLessThan(5 / Math.sqrt(n));
    expect(Math.abs(moment(2) - 1)).toBeLessThan(5 * Math.sqrt(2 / n));
    expect(Math.abs(moment(3))).toBeLessThan(5 * Math.sqrt(15 / n));
    expect(Math.abs(moment(4) - 3)).toBeLessThan(5 * Math.sqrt(96 / n));
    const neighbours = x.reduce((sum, v, i) => sum + (i % 2 === 0 ? v * (x[i + 1] ?? 0) : 0), 0) / (n / 2);
    expect(Math.abs(neighbours)).toBeLessThan(5 / Math.sqrt(n / 2));
    expect(x.every(Number.isFinite)).toBe(true);
  });

  it('permutes: every element once, every place alike', () => {
    const rng = new Rng(13);
    const counts = Array.from({ length: 6 }, () => new Array<number>(6).fill(0));
    for (let t = 0; t < 6000; t++) {
      const order = rng.split(t).permutation(6);
      expect(new Set(order).size).toBe(6);
      for (const [place, v] of order.entries()) counts[v]![place]!++;
    }
    expect(chiSquare(counts.flat(), 1000)).toBeLessThan(chiSquareLimit(25));
    expect([...rng.permutation(0)]).toEqual([]);
  });

  it('gives integers in range', () => {
    const rng = new Rng(17);
    const counts = new Array<number>(10).fill(0);
    for (let i = 0; i < 10_000; i++) counts[rng.intAt(10, i)]!++;
    expect(chiSquare(counts, 1000)).toBeLessThan(chiSquareLimit(9));
  });
});

/** Written by release 0.1.0; a change breaks every stored seed. */
const KNOWN = {
  // Philox4x32-10, key (1, 0), counters (0, 0, 0, 0) and (1, 0, 0, 0); computed apart from this code as well.
  words: [3823634032, 3842641596, 2515673792, 3054873127, 2886210587, 3754282174],
  splitKey: [3559110020, 3564596089],
  permutation: [0, 4, 1, 2, 6, 7, 3, 5],
  normal: 0.3804007337550205,
};
