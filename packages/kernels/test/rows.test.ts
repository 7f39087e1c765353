import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { gatherRowsInto, OptionError, ShapeError, scatterAddRowsInto } from '../src/index.js';
import { asView, floats, width } from './support/arbitrary.js';
import { FixedSpace } from './support/FixedSpace.js';
import { describeEachVariant } from './support/variants.js';

const operands = fc.record({ n: fc.integer({ min: 1, max: 9 }), w: width }).chain(({ n, w }) =>
  fc.array(fc.nat(n - 1), { maxLength: 12 }).chain((rows) =>
    fc.record({
      w: fc.constant(w),
      rows: fc.constant(Int32Array.from(rows)),
      x: floats(n * w),
      y: floats(rows.length * w),
    }),
  ),
);

describeEachVariant('rows', (kernels) => {
  afterEach(() => kernels().useKernelMemory(null));

  it('gathers rows, wherever the arrays live', () => {
    const space = new FixedSpace();
    fc.assert(
      fc.property(operands, ({ w, rows, x, y }) => {
        const k = kernels();
        const want = Float32Array.from(y, (_, i) => x[rows[Math.floor(i / w)]! * w + (i % w)]!);
        const out = asView(y);
        k.gatherRowsInto(asView(x), w, rows, out);
        expect(out).toEqual(want);
        k.useKernelMemory(space);
        const [xIn, outIn] = [space.place(x), space.place(y)];
        k.gatherRowsInto(xIn, w, rows, outIn);
        expect(outIn).toEqual(want);
        const outside = y.slice();
        k.gatherRowsInto(xIn, w, rows, outside);
        expect(outside).toEqual(want);
        outIn.fill(0);
        k.gatherRowsInto(x, w, rows, outIn);
        expect(outIn).toEqual(want);
        for (const a of [xIn, outIn]) space.free(a.byteOffset);
        expect(space.live.size).toBe(0);
        k.useKernelMemory(null);
      }),
    );
  });

  it('adds rows in the order given, wherever the arrays live', () => {
    const space = new FixedSpace();
    fc.assert(
      fc.property(operands, ({ w, rows, x, y }) => {
        const k = kernels();
        const want = x.slice();
        rows.forEach((r, i) => {
          for (let c = 0; c < w; c++) want[r * w + c] = want[r * w + c]! + y[i * w + c]!;
        });
        const out = asView(x);
        k.scatterAddRowsInto(out, w, rows, asView(y));
        expect(out).toEqual(want);
        k.useKernelMemory(space);
        const [outIn, yIn] = [space.place(x), space.place(y)];
        k.scatterAddRowsInto(outIn, w, rows, y);
        expect(outIn).toEqual(want);
        outIn.set(x);
        k.scatterAddRowsInto(outIn, w, rows, yIn);
        expect(outIn).toEqual(want);
        for (const a of [outIn, yIn]) space.free(a.byteOffset);
        expect(space.live.size).toBe(0);
        k.useKernelMemory(null);
      }),
    );
  });

  it('gathers more rows than its scratch chunk', () => {
    const space = new FixedSpace();
    const k = kernels();
    k.useKernelMemory(space);
    const x = space.place(Float32Array.from({ length: 70 }, (_, i) => i));
    const rows = Int32Array.from({ length: 20_000 }, (_, i) => i % 10);
    const out = new Float32Array(140_000);
    k.gatherRowsInto(x, 7, rows, out);
    expect(out.every((v, i) => v === i % 70)).toBe(true);
  });
});

describe('rows', () => {
  it('refuses rows outside the matrix and lengths that do not fit', () => {
    const [x, out] = [new Float32Array(6), new Float32Array(2)];
    expect(() => gatherRowsInto(x, 2, Int32Array.of(3), out)).toThrow(/rows\[0\] must be in \[0, 3\), got 3/);
    expect(() => gatherRowsInto(x, 2, Int32Array.of(-1), out)).toThrow(OptionError);
    expect(() => gatherRowsInto(x, 2, Int32Array.of(0, 1), out)).toThrow(ShapeError);
    expect(() => gatherRowsInto(x, 4, Int32Array.of(0), new Float32Array(4))).toThrow(ShapeError);
    expect(() => scatterAddRowsInto(x, 2, Int32Array.of(0, 3), new Float32Array(4))).toThrow(OptionError);
    expect(() => scatterAddRowsInto(x, 2, Int32Array.of(0), new Float32Array(4))).toThrow(ShapeError);
    expect(() => gatherRowsInto(x, -1, Int32Array.of(0), out)).toThrow(OptionError);
  });
});
