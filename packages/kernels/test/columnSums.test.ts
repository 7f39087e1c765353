import fc from 'fast-check';
import { expect, it } from 'vitest';
import { columnSumsInto, OptionError, ShapeError } from '../src/index.js';
import { asView, floats, width } from './support/arbitrary.js';
import { describeEachVariant } from './support/variants.js';

describeEachVariant('columnSumsInto', (kernels) => {
  it('is the float64 sum of each column, rounded once', () => {
    const matrix = fc
      .record({ n: fc.nat(9), width })
      .chain(({ n, width }) => fc.record({ n: fc.constant(n), width: fc.constant(width), x: floats(n * width) }));
    fc.assert(
      fc.property(matrix, ({ n, width, x }) => {
        const sums = new Float64Array(width);
        for (let i = 0; i < n * width; i++) sums[i % width]! += x[i]!;
        const out = asView(new Float32Array(width).fill(3));
        kernels().columnSumsInto(asView(x), out);
        expect(out).toEqual(Float32Array.from(sums));
      }),
    );
  });
});

it('refuses parts of rows, and no columns', () => {
  expect(() => columnSumsInto(new Float32Array(3), new Float32Array(2))).toThrow(ShapeError);
  expect(() => columnSumsInto(new Float32Array(3), new Float32Array(0))).toThrow(OptionError);
});
