import fc from 'fast-check';
import { afterEach, expect, it } from 'vitest';
import { gatherHalfRowsInto, OptionError, ShapeError } from '../src/index.js';
import { asView, floats } from './support/arbitrary.js';
import { FixedSpace } from './support/FixedSpace.js';
import { describeEachVariant } from './support/variants.js';

describeEachVariant('rows of 16-bit floats', (kernels) => {
  afterEach(() => kernels().useKernelMemory(null));

  it.each(['float16', 'bfloat16'] as const)('%s: gathered as converted one by one, added as their floats', (format) => {
    const operands = fc
      .record({ n: fc.integer({ min: 1, max: 9 }), width: fc.integer({ min: 1, max: 9 }) })
      .chain((o) =>
        fc.record({
          width: fc.constant(o.width),
          x: floats(o.n * o.width),
          rows: fc.array(fc.nat(o.n - 1), { maxLength: 12 }).map((a) => Int32Array.from(a)),
        }),
      );
    const space = new FixedSpace();
    fc.assert(
      fc.property(operands, ({ width, x, rows }) => {
        const k = kernels();
        const whole = new Uint16Array(x.length);
        (format === 'float16' ? k.float16From : k.bfloat16From)(x, whole);
        const expected = Uint16Array.from({ length: rows.length * width }, (_, i) => {
          return whole[rows[Math.floor(i / width)]! * width + (i % width)]!;
        });
        const halves = new Uint16Array(expected.length);
        k.gatherHalfRowsInto(asView(x), width, rows, format, halves);
        expect(halves).toEqual(expected);

        const back = new Float32Array(expected.length);
        (format === 'float16' ? k.float16To : k.bfloat16To)(expected, back);
        const sums = x.slice();
        k.scatterAddRowsInto(sums, width, rows, back);
        const out = asView(x);
        k.scatterAddHalfRowsInto(out, width, rows, format, halves);
        expect(out).toEqual(sums);
        k.useKernelMemory(space);
        const inPlace = space.place(x);
        k.scatterAddHalfRowsInto(inPlace, width, rows, format, halves);
        expect(inPlace).toEqual(sums);
        space.free(inPlace.byteOffset);
        k.useKernelMemory(null);
      }),
    );
  });

  it('takes more than its scratch chunk', () => {
    const k = kernels();
    const rows = Int32Array.from({ length: 5000 }, (_, i) => i % 3);
    const out = new Uint16Array(50_000);
    k.gatherHalfRowsInto(
      Float32Array.from({ length: 30 }, (_, i) => i),
      10,
      rows,
      'bfloat16',
      out,
    );
    const back = new Float32Array(out.length);
    k.bfloat16To(out, back);
    expect(back.every((v, i) => v === rows[Math.floor(i / 10)]! * 10 + (i % 10))).toBe(true);
  });
});

it('refuses rows and lengths that do not fit', () => {
  const [x, out] = [new Float32Array(4), new Uint16Array(2)];
  expect(() => gatherHalfRowsInto(x, 2, Int32Array.of(2), 'float16', out)).toThrow(OptionError);
  expect(() => gatherHalfRowsInto(x, 2, Int32Array.of(0, 1), 'float16', out)).toThrow(ShapeError);
});
