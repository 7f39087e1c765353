import fc from 'fast-check';
import { afterEach, expect, it } from 'vitest';
import { OptionError, ShapeError, topKInto } from '../src/index.js';
import { asView } from './support/arbitrary.js';
import { FixedSpace } from './support/FixedSpace.js';
import { describeEachVariant } from './support/variants.js';

/** Oracle: sort everything. |x| as bits, so that infinities and NaN have a place. */
function bySorting(x: Float32Array, k: number): number[] {
  const bits = new Uint32Array(Float32Array.from(x).buffer).map((b) => b & 0x7fffffff);
  const order = Array.from(bits.keys()).sort((a, b) => bits[b]! - bits[a]! || a - b);
  return order.slice(0, k).sort((a, b) => a - b);
}

const size = { minLength: 1, maxLength: 300 };
const inputs = fc.oneof(
  fc.float32Array(size),
  fc.array(fc.integer({ min: -2, max: 2 }), size).map((a) => Float32Array.from(a)),
  // Close together, so that all three histograms decide.
  fc.array(fc.nat(3000), size).map((a) => new Float32Array(Uint32Array.from(a, (v) => 0x3f800000 + v).buffer)),
);

describeEachVariant('topKInto', (kernels) => {
  afterEach(() => kernels().useKernelMemory(null));

  it('keeps what a full sort keeps, ties from the lowest index', () => {
    const space = new FixedSpace();
    fc.assert(
      fc.property(inputs, fc.double({ min: 0, max: 1, noNaN: true }), (x, share) => {
        const k = kernels();
        const expected = bySorting(x, Math.floor(share * x.length));
        const [indices, values] = [new Uint32Array(expected.length), new Float32Array(expected.length)];
        k.topKInto(asView(x), indices, values);
        expect([...indices]).toEqual(expected);
        expect(values).toEqual(Float32Array.from(expected, (i) => x[i]!));
        k.useKernelMemory(space);
        const inPlace = space.place(x);
        indices.fill(9);
        k.topKInto(inPlace, indices, values);
        expect([...indices]).toEqual(expected);
        space.free(inPlace.byteOffset);
        expect(space.live.size).toBe(0);
        k.useKernelMemory(null);
      }),
      { numRuns: 60 },
    );
  });

  it('takes more than its scratch chunk, also where all are equal', () => {
    const k = kernels();
    const x = new Float32Array(70_001).fill(-1.5);
    x[69_999] = 2;
    const [indices, values] = [new Uint32Array(3), new Float32Array(3)];
    k.topKInto(x, indices, values);
    expect([...indices, ...values]).toEqual([0, 1, 69_999, -1.5, -1.5, 2]);
  });
});

it('refuses more than there is', () => {
  expect(() => topKInto(new Float32Array(2), new Uint32Array(3), new Float32Array(3))).toThrow(OptionError);
  expect(() => topKInto(new Float32Array(2), new Uint32Array(1), new Float32Array(2))).toThrow(ShapeError);
});
