import fc from 'fast-check';
import { expect, it } from 'vitest';
import { dequantizeInto, OptionError, packBitsInto, packedBytes, quantizeInto, ShapeError } from '../src/index.js';
import { asView } from './support/arbitrary.js';
import { describeEachVariant } from './support/variants.js';

const bits = fc.constantFrom(1 as const, 2 as const, 4 as const, 8 as const);
const f = Math.fround;

/** Ties to even. */
function nearest(x: number): number {
  const below = Math.floor(x);
  if (x - below !== 0.5) return Math.round(x);
  return below % 2 === 0 ? below : below + 1;
}

/** Code i in bits [i · bits, (i + 1) · bits) of the bytes as one long number. */
function packed(codes: readonly number[], bits: number): Uint8Array {
  const out = new Uint8Array(packedBytes(codes.length, bits));
  codes.forEach((code, i) => {
    out[Math.floor((i * bits) / 8)]! |= code << ((i * bits) % 8);
  });
  return out;
}

describeEachVariant('quantize and pack', (kernels) => {
  it('packs codes from the lowest bit up, and unpacks them', () => {
    fc.assert(
      fc.property(bits, fc.uint8Array({ maxLength: 100 }), (bits, bytes) => {
        const k = kernels();
        const expected = packed(
          Array.from(bytes, (b) => b & (2 ** bits - 1)),
          bits,
        );
        const out = new Uint8Array(expected.length).fill(0xee);
        k.packBitsInto(bytes, bits, out);
        expect(out).toEqual(expected);
        const back = new Uint8Array(bytes.length);
        k.unpackBitsInto(out, bits, back);
        expect(back).toEqual(bytes.map((b) => b & (2 ** bits - 1)));
      }),
    );
  });

  it('rounds to the nearest number of the grid, ties to even, clamped; NaN to code 0', () => {
    const x = fc.float32Array({ maxLength: 60, min: -40, max: 300 });
    const grid = fc.record({ bits, low: fc.constantFrom(0, -3, 0.25), step: fc.constantFrom(1, 0.5, 2, 0.125) });
    fc.assert(
      fc.property(grid, x, ({ bits, low, step }, x) => {
        const k = kernels();
        const codes = Array.from(x, (v) => {
          const code = nearest(f(f(v - low) / step)); // powers of two: dividing is multiplying
          return Number.isNaN(v) ? 0 : Math.min(2 ** bits - 1, Math.max(0, code));
        });
        const out = new Uint8Array(packedBytes(x.length, bits)).fill(0xee);
        k.quantizeInto(asView(x), { bits, low, step }, out);
        expect(out).toEqual(packed(codes, bits));
        const back = asView(new Float32Array(x.length));
        k.dequantizeInto(out, { bits, low, step }, back);
        expect(back).toEqual(Float32Array.from(codes, (c) => f(f(c * step) + low)));
      }),
      { examples: [[{ bits: 2, low: 0, step: 1 }, Float32Array.of(0.5, 1.5, Number.NaN, 1e30, -1e30, Infinity)]] },
    );
  });

  it('takes more than its scratch chunk', () => {
    const k = kernels();
    const codes = Uint8Array.from({ length: 40_003 }, (_, i) => (i * 7) % 4);
    const out = new Uint8Array(packedBytes(codes.length, 2));
    k.packBitsInto(codes, 2, out);
    expect(out).toEqual(packed([...codes], 2));
    const back = new Uint8Array(codes.length);
    k.unpackBitsInto(out, 2, back);
    expect(back).toEqual(codes);
  });
});

it('refuses other widths, steps and lengths', () => {
  const [x, out] = [new Float32Array(3), new Uint8Array(1)];
  expect(() => quantizeInto(x, { bits: 3 as 2, low: 0, step: 1 }, out)).toThrow(OptionError);
  expect(() => quantizeInto(x, { bits: 2, low: 0, step: 0 }, out)).toThrow(OptionError);
  expect(() => dequantizeInto(out, { bits: 8, low: 0, step: 1 }, x)).toThrow(ShapeError);
  expect(() => packBitsInto(out, 1, new Uint8Array(2))).toThrow(ShapeError);
});
