import { expectClose } from '@strata-ml/testing';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import * as k from '../src/index.js';
import { OptionError, philox4x32, ShapeError } from '../src/index.js';
import { asView } from './support/arbitrary.js';
import { describeEachVariant } from './support/variants.js';

const f = Math.fround;
const finite = fc.float32Array({ minLength: 1, maxLength: 200, noNaN: true, min: -1e6, max: 1e6 }).map(asView);
const PIECE = 16_384;

/** Oracle of the random words: xoshiro128++ in plain integers, four generators for each piece. */
function words(key: readonly [number, number], count: number): number[] {
  const rotate = (v: number, by: number) => ((v << by) | (v >>> (32 - by))) >>> 0;
  const out: number[] = [];
  let state: number[][] = [];
  for (let i = 0; i < count; i++) {
    if (i % PIECE === 0) {
      state = [0, 1, 2, 3].map((l) => [...philox4x32(new Uint32Array(4), ...key, 4 * (i / PIECE) + l)]);
    }
    const s = state[i % 4] as [number, number, number, number];
    out.push((rotate((s[0] + s[3]) >>> 0, 7) + s[0]) >>> 0);
    const shifted = (s[1] << 9) >>> 0;
    s[2] = (s[2] ^ s[0]) >>> 0;
    s[3] = (s[3] ^ s[1]) >>> 0;
    s[1] = (s[1] ^ s[2]) >>> 0;
    s[0] = (s[0] ^ s[3]) >>> 0;
    s[2] = (s[2] ^ shifted) >>> 0;
    s[3] = rotate(s[3], 11);
  }
  return out;
}

/** Rounded down, or up if the word's upper 24 bits say so. */
const randomly = (v: number, word: number) => Math.floor(v) + ((word >>> 8) / 2 ** 24 < f(v - Math.floor(v)) ? 1 : 0);

function nearest(x: number): number {
  const below = Math.floor(x);
  return x - below !== 0.5 ? Math.round(x) : below + (below & 1);
}

describeEachVariant('compression', (kernels) => {
  it('moments are the sums of a loop', () => {
    fc.assert(
      fc.property(finite, (x) => {
        const m = kernels().moments(x);
        const positive = x.filter((v) => v >= 0);
        const sum = (a: Float32Array) => a.reduce((s, v) => s + v, 0);
        expectClose(
          [m.positiveSum, m.negativeSum, m.squares],
          [sum(positive), sum(x.filter((v) => v < 0)), x.reduce((s, v) => s + v * v, 0)],
          { rtol: 1e-6, why: 'four floats are added in single precision' },
        );
        expect(m.positiveCount).toBe(positive.length);
        expect(m.largest).toBe(x.reduce((a, v) => Math.max(a, Math.abs(v)), 0));
      }),
    );
    const long = new Float32Array(40_000).fill(-2);
    expect(kernels().moments(long)).toMatchObject({ negativeSum: -80_000, positiveCount: 0, squares: 160_000 });
    expect(kernels().moments(Float32Array.of(1, Number.NaN)).squares).toBeNaN();
  });

  it('signs: a bit for each, −0 counts as positive, and back', () => {
    fc.assert(
      fc.property(fc.float32Array({ maxLength: 200 }).map(asView), (x) => {
        const k = kernels();
        const bits = new Uint8Array(Math.ceil(x.length / 8)).fill(0xee);
        k.packSignsInto(x, bits);
        const expected = new Uint8Array(bits.length);
        x.forEach((v, i) => {
          if (v >= 0) expected[i >> 3]! |= 1 << (i & 7);
        });
        expect(bits).toEqual(expected);
        const out = asView(new Float32Array(x.length).fill(9));
        k.unpackSignsInto(bits, 2, -3, out);
        expect([...out]).toEqual(Array.from(x, (v) => (v >= 0 ? 2 : -3)));
      }),
    );
  });

  it.each(['max', 'norm'] as const)(
    'block codes are the rounded quotients, and decode to their multiples: %s',
    (measure) => {
      const options = fc.record({ levels: fc.integer({ min: 1, max: 127 }), random: fc.boolean() });
      fc.assert(
        fc.property(finite, options, (x, { levels, random }) => {
          const k = kernels();
          const block = 32;
          const key = [7, 9] as const;
          const codes = new Int8Array(x.length);
          const scales = new Float32Array(Math.ceil(x.length / block));
          k.quantizeBlocksInto(x, { block, levels, measure, ...(random ? { key } : {}) }, codes, scales);
          const w = words(key, x.length);
          scales.forEach((scale, b) => {
            const part = x.subarray(b * block, (b + 1) * block);
            const norm = f(Math.sqrt(part.reduce((s, v) => s + v * v, 0)));
            const size = measure === 'max' ? part.reduce((a, v) => Math.max(a, Math.abs(v)), 0) : norm;
            expectClose([scale], [f(size / levels)], { rtol: 1e-6 });
            const inverse = scale > 2 ** -126 ? f(1 / scale) : 0;
            part.forEach((v, i) => {
              const q = f(v * inverse);
              const code = random ? randomly(q, w[b * block + i]!) : nearest(q);
              expect(codes[b * block + i]! + 0).toBe(Math.max(-levels, Math.min(levels, code)) + 0);
            });
          });
          const out = asView(new Float32Array(x.length).fill(9));
          k.dequantizeBlocksInto(codes, block, scales, out);
          expect(out.map((v) => v + 0)).toEqual(Float32Array.from(codes, (c, i) => c * scales[i >> 5]! + 0));
        }),
      );
    },
  );

  it('ternary codes are x / scale rounded at random, clipped; pieces draw their own words', () => {
    const k = kernels();
    const n = PIECE + 37;
    const x = Float32Array.from({ length: n }, (_, i) => 1.5 * Math.sin(i * i));
    const out = new Uint8Array(Math.ceil(n / 4));
    k.ternaryInto(x, 1, [3, 4], out);
    const w = words([3, 4], n);
    for (let i = 0; i < n; i++) {
      const code = Math.max(-1, Math.min(1, randomly(x[i]!, w[i]!)));
      if (((out[i >> 2]! >> (2 * (i & 3))) & 3) - 1 !== code) throw new Error(`code ${i} is not ${code}`);
    }
  });

  it('products equal a float64 loop for any shape, also transposed', () => {
    const size = fc.integer({ min: 1, max: 40 });
    fc.assert(
      fc.property(
        size,
        fc.oneof(size, fc.constant(300)),
        fc.integer({ min: 1, max: 9 }),
        fc.boolean(),
        (rows, inner, q, t) => {
          const columns = 4 * q;
          const a = asView(Float32Array.from({ length: rows * inner }, (_, i) => Math.sin(i + 1)));
          const b = asView(Float32Array.from({ length: inner * columns }, (_, i) => Math.cos(3 * i)));
          const out = new Float32Array(rows * columns).fill(9);
          kernels().multiplyInto(a, b, { rows, inner, columns, transposeA: t }, out);
          const expected = Float64Array.from(out, (_, i) => {
            const [r, c] = [Math.floor(i / columns), i % columns];
            let sum = 0;
            for (let k = 0; k < inner; k++) sum += a[t ? k * rows + r : r * inner + k]! * b[k * columns + c]!;
            return sum;
          });
          expectClose(out, expected, { atol: 1e-5 * Math.sqrt(inner), why: 'sums of float32 with cancellation' });
        },
      ),
      { numRuns: 60 },
    );
  });

  it('half floats saturate if asked to; infinities and NaN stay', () => {
    const x = asView(Float32Array.of(65504, 65519.9, 65520, -1e30, 1, Infinity, -Infinity, Number.NaN, 6e-8));
    const out = new Uint16Array(x.length);
    kernels().float16From(x, out, 'saturate');
    expect([...out]).toEqual([0x7bff, 0x7bff, 0x7bff, 0xfbff, 0x3c00, 0x7c00, 0xfc00, 0x7e00, 1]);
    kernels().float16From(x, out);
    expect([...out.subarray(1, 5)]).toEqual([0x7bff, 0x7c00, 0xfc00, 0x3c00]);
  });

  it('Gram-Schmidt leaves orthonormal rows that span the same space', () => {
    const [rows, width] = [5, 64];
    const x = Float32Array.from({ length: rows * width }, (_, i) => Math.sin(i * i));
    const q = asView(x);
    kernels().orthonormalizeRows(q, rows, width);
    const dot = (a: Float32Array, i: number, b: Float32Array, j: number) => {
      let sum = 0;
      for (let k = 0; k < width; k++) sum += a[i * width + k]! * b[j * width + k]!;
      return sum;
    };
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j <= i; j++) expectClose([dot(q, i, q, j)], [i === j ? 1 : 0], { atol: 1e-6 });
      // Row i of x lies in the span of the first i + 1 rows of q.
      let captured = 0;
      for (let j = 0; j <= i; j++) captured += dot(x, i, q, j) ** 2;
      expectClose([captured], [dot(x, i, x, i)], { rtol: 1e-5 });
    }
  });

  it('Gram-Schmidt makes zeros of what depends on earlier rows', () => {
    const x = Float32Array.from({ length: 4 * 32 }, (_, i) => Math.sin(i * i));
    for (let c = 0; c < 32; c++) x[64 + c] = 2 * x[c]! - x[32 + c]!;
    x.fill(0, 96);
    kernels().orthonormalizeRows(x, 4, 32);
    expect(x.subarray(64).every((v) => v === 0)).toBe(true);
    expectClose([x.subarray(0, 64).reduce((s, v) => s + v * v, 0)], [2]);
  });

  it('Top-K of a long tensor is exact whether or not a sample tells the threshold', () => {
    const n = 600_000;
    const spread = Float32Array.from({ length: n }, (_, i) => Math.sin(i * i) * (1 + (i % 97)));
    // Magnitudes rise towards the end of each run that the sample does not look at: every guess is too low, or too high.
    const hidden = Float32Array.from({ length: n }, (_, i) => (i % 4096 < 64 ? 1e-3 : 1 + (i % 1013)));
    const shown = Float32Array.from({ length: n }, (_, i) => (i % 4096 < 64 ? 1 + (i % 1013) : 1e-3));
    for (const x of [spread, hidden, shown, new Float32Array(n).fill(-1)]) {
      const k = 6000;
      const [indices, values] = [new Uint32Array(k), new Float32Array(k)];
      kernels().topKInto(x, indices, values);
      const order = Uint32Array.from(x.keys()).sort((a, b) => Math.abs(x[b]!) - Math.abs(x[a]!) || a - b);
      const expected = order.subarray(0, k).sort();
      expect(indices).toEqual(expected);
      expect(values).toEqual(Float32Array.from(expected, (i) => x[i]!));
    }
  });
});

it('refuses lengths and options that do not fit', () => {
  const x = new Float32Array(20);
  const options = { block: 16, levels: 127, measure: 'max' } as const;
  expect(() => k.quantizeBlocksInto(x, { ...options, block: 24 }, new Int8Array(20), x)).toThrow(OptionError);
  expect(() => k.quantizeBlocksInto(x, { ...options, levels: 128 }, new Int8Array(20), new Float32Array(2))).toThrow(
    OptionError,
  );
  expect(() => k.quantizeBlocksInto(x, options, new Int8Array(20), new Float32Array(1))).toThrow(ShapeError);
  expect(() => k.packSignsInto(x, new Uint8Array(2))).toThrow(ShapeError);
  expect(() => k.multiplyInto(x, x, { rows: 4, inner: 5, columns: 5 }, x)).toThrow(OptionError);
  expect(() => k.multiplyInto(x, x, { rows: 4, inner: 5, columns: 4 }, new Float32Array(15))).toThrow(ShapeError);
  expect(() => k.orthonormalizeRows(x, 2, 10)).toThrow(OptionError);
  expect(() => k.ternaryInto(x, -1, [0, 0], new Uint8Array(5))).toThrow(OptionError);
});
