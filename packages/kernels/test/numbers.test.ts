import fc from 'fast-check';
import { afterEach, expect, it } from 'vitest';
import { asView } from './support/arbitrary.js';
import { FixedSpace } from './support/FixedSpace.js';
import { describeEachVariant } from './support/variants.js';

const word = new DataView(new ArrayBuffer(4));
const floatOf = (bits: number): number => {
  word.setUint32(0, bits);
  return word.getFloat32(0);
};
const anyFloats = fc
  .array(
    fc.oneof(fc.float(), fc.integer({ min: 0, max: 0xffffffff }).map(floatOf), fc.float({ min: -7e4, max: 7e4 })),
    {
      maxLength: 40,
    },
  )
  .map((a) => Float32Array.from(a));

/** The float of a half's 16 bits, from the definition. */
function halfValue(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Infinity;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

const brainValue = (bits: number): number => floatOf(bits * 65536);

/** The nearest of two neighbours among the 16-bit numbers; of equals the even one. */
function nearest(x: number, value: (bits: number) => number, infinity: number): number {
  if (Number.isNaN(x)) return Number.NaN;
  const sign = Object.is(x, -0) || x < 0 ? -1 : 1;
  const size = Math.abs(x);
  let low = 0;
  for (let step = 1 << 14; step >= 1; step >>= 1) {
    if (low + step <= infinity && value(low + step) <= size) low += step;
  }
  if (low === infinity) return sign * Infinity;
  // Infinity rounds as if the next number were there.
  const next = low + 1 === infinity ? 2 * value(low) - value(low - 1) : value(low + 1);
  const [down, up] = [size - value(low), next - size];
  const chosen = down < up || (down === up && low % 2 === 0) ? low : low + 1;
  return sign * value(chosen);
}

describeEachVariant('numbers', (kernels) => {
  afterEach(() => kernels().useKernelMemory(null));

  it('rounds to the nearest half and bfloat16, ties to even', () => {
    fc.assert(
      fc.property(anyFloats, (x) => {
        const k = kernels();
        const bits = new Uint16Array(x.length);
        const back = new Float32Array(x.length);
        k.float16From(asView(x), bits);
        k.float16To(bits, back);
        expect(Array.from(back)).toEqual(Array.from(x, (v) => nearest(v, halfValue, 0x7c00)));
        k.bfloat16From(x, bits);
        k.bfloat16To(bits, back);
        expect(Array.from(back)).toEqual(Array.from(x, (v) => nearest(v, brainValue, 0x7f80)));
      }),
      { numRuns: 300 },
    );
  });

  it('reads every one of the 65,536 halves and bfloat16 numbers, and writes it back', () => {
    const k = kernels();
    const bits = Uint16Array.from({ length: 65_536 }, (_, i) => i);
    const [values, back] = [new Float32Array(65_536), new Uint16Array(65_536)];
    for (const [to, from, value] of [
      [k.float16To, k.float16From, halfValue],
      [k.bfloat16To, k.bfloat16From, brainValue],
    ] as const) {
      to(bits, values);
      from(values, back);
      let wrong = 0;
      for (let i = 0; i < bits.length; i++) {
        const isRight = Object.is(values[i]!, value(i)) && (Number.isNaN(values[i]!) || back[i] === i);
        if (!isRight) wrong++;
      }
      expect(wrong).toBe(0);
    }
    expect(() => k.float16To(bits, new Float32Array(1))).toThrow(/must have shape/);
    expect(() => k.bfloat16From(values, new Uint16Array(1))).toThrow(/must have shape/);
  });

  it('adds squares in float64, the same bits wherever the array lives', () => {
    const k = kernels();
    const space = new FixedSpace();
    for (const n of [0, 1, 3, 4, 7, 16_383, 16_385, 50_001]) {
      const x = Float32Array.from({ length: n }, (_, i) => Math.sin(i) * 1e25);
      const expected = x.reduce((sum, v) => sum + v * v, 0);
      const sum = k.sumOfSquares(asView(x));
      expect(Math.abs(sum - expected)).toBeLessThanOrEqual(1e-12 * expected);
      k.useKernelMemory(space);
      const inside = space.place(x);
      expect(k.sumOfSquares(inside)).toBe(sum);
      space.free(inside.byteOffset);
      expect(space.live.size).toBe(0);
      k.useKernelMemory(null);
    }
    expect(k.sumOfSquares(Float32Array.of(1, Number.NaN))).toBeNaN();
  });
});
