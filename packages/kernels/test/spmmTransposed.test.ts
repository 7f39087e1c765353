import fc from 'fast-check';
import { afterEach, expect, it } from 'vitest';
import { OptionError, ShapeError, SparseOperator, spmmTransposedInto } from '../src/index.js';
import { asView, csr, floats, width } from './support/arbitrary.js';
import { FixedSpace } from './support/FixedSpace.js';
import { describeEachVariant } from './support/variants.js';

describeEachVariant('spmmTransposedInto', (kernels) => {
  afterEach(() => kernels().useKernelMemory(null));

  it('gives the bits of a product with the transpose, wherever the arrays live', () => {
    const space = new FixedSpace();
    const operands = fc
      .record({ csr, width })
      .chain(({ csr, width }) =>
        fc.record({ csr: fc.constant(csr), width: fc.constant(width), x: floats(csr.rows * width) }),
      );
    fc.assert(
      fc.property(operands, ({ csr, width, x }) => {
        const k = kernels();
        const op = new k.SparseOperator(csr);
        const expected = new Float32Array(csr.cols * width);
        k.spmmInto(op.transposed(), x, width, expected);
        const out = asView(new Float32Array(expected.length).fill(7));
        k.spmmTransposedInto(op, asView(x), width, out);
        expect(out).toEqual(expected);
        k.useKernelMemory(space);
        const [xIn, outIn] = [space.place(x), space.place(new Float32Array(expected.length))];
        k.spmmTransposedInto(op, xIn, width, outIn);
        expect(outIn).toEqual(expected);
        op.dispose();
        space.free(xIn.byteOffset);
        space.free(outIn.byteOffset);
        expect(space.live.size).toBe(0);
        k.useKernelMemory(null);
      }),
    );
  });

  it('serves the gradient of what dropout left', () => {
    const k = kernels();
    const all = { rows: 2, cols: 3, indptr: Int32Array.of(0, 2, 3), indices: Int32Array.of(0, 2, 1) };
    const dropped = k.dropoutSparse(new k.SparseOperator(all), Int32Array.of(0, 1), 0, [1, 2]);
    expect(dropped.isPassing).toBe(true);
    const out = new Float32Array(3);
    k.spmmTransposedInto(dropped, Float32Array.of(5, 7), 1, out);
    expect(out).toEqual(Float32Array.of(5, 7, 5));
    // It moves with the kernel memory, once.
    const space = new FixedSpace();
    k.useKernelMemory(space);
    k.spmmTransposedInto(dropped, Float32Array.of(1, 2), 1, out);
    expect(out).toEqual(Float32Array.of(1, 2, 1));
    dropped.dispose();
    expect(space.live.size).toBe(0);
    expect(() => k.spmmInto(dropped, out, 1, new Float32Array(2))).toThrow(/before its dispose/);
  });
});

it('refuses arrays that do not fit', () => {
  const op = new SparseOperator({ rows: 1, cols: 2, indptr: Int32Array.of(0, 1), indices: Int32Array.of(1) });
  const [x, out] = [new Float32Array(3), new Float32Array(6)];
  expect(() => spmmTransposedInto(op, x, 0, out)).toThrow(OptionError);
  expect(() => spmmTransposedInto(op, x.subarray(1), 3, out)).toThrow(ShapeError);
  expect(() => spmmTransposedInto(op, x, 3, out.subarray(1))).toThrow(ShapeError);
});
