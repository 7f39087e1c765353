import { readFileSync } from 'node:fs';
import { NonFiniteError, OptionError, Rng } from '@strata-ml/core';
import { expectClose, relativeL2 } from '@strata-ml/testing';
import { describe, expect, it } from 'vitest';
import { powerSgd, type SumNetwork } from '../../src/index.js';
import { bestRankError, matMul64 } from '../oracles/linearAlgebra.js';

const rng = new Rng(11);
const normal = (n: number, seed: number) => Float32Array.from({ length: n }, (_, i) => rng.normalAt(i, seed));

function roundTrip(codec: ReturnType<typeof powerSgd>, y: Float32Array, shape: readonly number[], key = 'w') {
  const out = new Float32Array(y.length).fill(Number.NaN);
  codec.decode(codec.encode(y, shape, key, rng), out);
  return out;
}

describe('powerSgd point to point', () => {
  it.each([
    [24, 20],
    [7, 33],
    [1, 9],
    [64, 30],
  ])('a matrix %i × %i whose rank is not above that of the codec comes back', (n, m) => {
    const true_ = Math.min(3, n, m);
    const y = Float32Array.from(matMul64(normal(n * true_, 1), normal(true_ * m, 2), n, true_, m));
    for (const rank of [true_, 5, 100]) {
      const codec = powerSgd({ rank });
      roundTrip(codec, y, [n, m]);
      const out = roundTrip(codec, y, [n, m]);
      expect(relativeL2(out, y), `rank ${rank}`).toBeLessThan(1e-5);
      expect(codec.payloadBytes([n, m])).toBe(4 * Math.min(rank, n, m) * (n + m));
    }
  });

  it('after many steps on one matrix the error is that of the best rank-r approximation within 1 %', () => {
    const [n, m] = [40, 24];
    const y = normal(n * m, 3);
    for (const rank of [1, 2, 4, 8]) {
      const codec = powerSgd({ rank });
      const first = relativeL2(roundTrip(codec, y, [n, m]), y);
      for (let i = 0; i < 400; i++) roundTrip(codec, y, [n, m]);
      const best = bestRankError(y, n, m, rank);
      const error = relativeL2(roundTrip(codec, y, [n, m]), y);
      expect(error).toBeLessThan(1.01 * best);
      expect(error).toBeGreaterThan(0.999 * best);
      expect(first).toBeGreaterThan(error);
    }
  });

  it('zeros stay zeros, and what was lost in them comes back', () => {
    const codec = powerSgd({ rank: 4 });
    expect(roundTrip(codec, new Float32Array(80), [8, 10]).every((v) => v === 0)).toBe(true);
    const y = normal(80, 4);
    for (let i = 0; i < 3; i++) roundTrip(codec, y, [8, 10]);
    expect(relativeL2(roundTrip(codec, y, [8, 10]), y)).toBeLessThan(1.1 * bestRankError(y, 8, 10, 4) + 0.05);
  });

  it('tiny gradients are not lost in an epsilon', () => {
    const y = normal(16 * 12, 5).map((v) => v * 1e-12);
    expect(relativeL2(roundTrip(powerSgd({ rank: 12 }), y, [16, 12]), y)).toBeLessThan(1e-5);
  });

  it('keeps a factor for each stream, and goes on from its state', () => {
    const codec = powerSgd({ rank: 2 });
    const [a, b] = [normal(60, 6), normal(60, 7)];
    for (let i = 0; i < 5; i++) {
      roundTrip(codec, a, [6, 10], 'a');
      roundTrip(codec, b, [10, 6], 'b');
    }
    expect(codec.stateBytes()).toBe(4 * 2 * (10 + 6));
    const other = powerSgd({ rank: 2 });
    other.load(codec.state());
    expect(roundTrip(other, a, [6, 10], 'a')).toEqual(roundTrip(codec, a, [6, 10], 'a'));
    expect(roundTrip(powerSgd({ rank: 2 }), a, [6, 10], 'a')).not.toEqual(roundTrip(codec, a, [6, 10], 'a'));
  });

  it('compresses only where factors are small enough', () => {
    const codec = powerSgd({ rank: 4 });
    expect(codec.isWorthIt([64])).toBe(false);
    expect(codec.isWorthIt([16, 16])).toBe(false); // (16 + 16) · 4 · 2 = 16 · 16
    expect(codec.isWorthIt([16, 17])).toBe(true);
    expect(codec.isWorthIt([16, 4, 100])).toBe(true);
    expect(() => powerSgd({ rank: 0 })).toThrow(OptionError);
    const bad = normal(60, 6);
    bad[17] = Infinity;
    expect(() => codec.encode(bad, [6, 10], 'x', rng)).toThrow(NonFiniteError);
  });
});

describe('powerSgd in a group', () => {
  interface Golden {
    readonly rows: number;
    readonly columns: number;
    readonly rank: number;
    readonly steps: readonly (readonly {
      readonly gradient: readonly number[];
      readonly factor: readonly (readonly number[])[];
      readonly error: readonly (readonly number[])[];
      readonly mean: readonly number[];
    }[])[];
  }
  const golden = JSON.parse(readFileSync(new URL('../golden/powerSgdHook.json', import.meta.url), 'utf8')) as Golden;

  it("gives what PyTorch's hook gives on two ranks", () => {
    const { rows, columns, rank, steps } = golden;
    expect(steps.length).toBe(2);
    for (const ranks of steps) {
      const codec = powerSgd({ rank });
      codec.load({ w: Float32Array.from(ranks[0]!.factor[0]!) });
      // Both factors are linear in Y, so the sum over ranks is that of the summed matrix.
      const y = Float32Array.from(ranks[0]!.gradient, (_, i) =>
        ranks.reduce((sum, r) => sum + r.gradient[i]! + r.error[0]![i]!, 0),
      );
      const network: SumNetwork = { size: 2, rng: () => rng, sum: () => {} };
      const mean = new Float32Array(y.length);
      codec.allReduce([{ key: 'w', shape: [rows, columns], y, mean }], network);
      expectClose(mean, ranks[0]!.mean, { atol: 2e-5, why: 'another order of float32 sums' });
    }
  });
});
