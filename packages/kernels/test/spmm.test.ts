import { expectClose } from '@strata-ml/testing';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { OptionError, ShapeError, SparseOperator, spmmInto } from '../src/index.js';
import { absoluteMass, multiply, toDense } from './oracles/dense.js';
import { asShared, asView, csr, floats, width } from './support/arbitrary.js';
import { FixedSpace } from './support/FixedSpace.js';
import { describeEachVariant } from './support/variants.js';

const withOperands = fc.record({ csr, width }).chain(({ csr, width }) =>
  fc.record({
    csr: fc.constant(csr),
    width: fc.constant(width),
    x: floats(csr.cols * width),
    start: floats(csr.rows * width),
    cut: fc.nat(csr.rows),
  }),
);

/** Bit for bit: quick on large arrays, and −0 differs from 0. */
const sameBits = (a: Float32Array, b: Float32Array): boolean =>
  Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(Buffer.from(b.buffer, b.byteOffset, b.byteLength));

describeEachVariant('spmmInto', (kernels) => {
  afterEach(() => kernels().useKernelMemory(null));

  it('is the dense product in float64, from any view', () => {
    fc.assert(
      fc.property(withOperands, ({ csr, width, x, start }) => {
        const k = kernels();
        const op = new k.SparseOperator(csr);
        const out = asView(start);
        k.spmmInto(op, asView(x), width, out);
        const atol = 4e-7 * 10 * absoluteMass(csr, x, width) + 1e-37;
        expectClose(out, multiply(toDense(csr), x, width), { atol, why: 'sums of up to 40 terms may cancel' });
        op.dispose();
      }),
    );
  });

  it('adds to what is there when asked', () => {
    fc.assert(
      fc.property(withOperands, ({ csr, width, x, start }) => {
        const k = kernels();
        const op = new k.SparseOperator(csr);
        const out = start.slice();
        k.spmmInto(op, x, width, out, { accumulate: true });
        const product = multiply(toDense(csr), x, width);
        const atol = 4e-6 * (absoluteMass(csr, x, width) + 4);
        expectClose(
          out,
          product.map((p, i) => p + start[i]!),
          { atol, why: 'sums of up to 41 terms may cancel' },
        );
        op.dispose();
      }),
    );
  });

  it('gives a row the same bits, whichever rows a call computes and wherever the arrays live', () => {
    const space = new FixedSpace();
    fc.assert(
      fc.property(withOperands, ({ csr, width, x, start, cut }) => {
        const k = kernels();
        const op = new k.SparseOperator(csr);
        const whole = new Float32Array(start.length);
        k.spmmInto(op, x, width, whole);
        const parts = asView(start);
        k.spmmInto(op, x, width, parts, { rowBegin: cut });
        expect(parts.subarray(0, cut * width)).toEqual(start.subarray(0, cut * width));
        k.spmmInto(op, asShared(x), width, parts, { rowEnd: cut });
        expect(parts).toEqual(whole);

        k.useKernelMemory(space);
        const [xIn, outIn] = [space.place(x), space.place(start)];
        k.spmmInto(op, xIn, width, outIn, { rowEnd: cut });
        k.spmmInto(op, xIn, width, outIn, { rowBegin: cut });
        expect(outIn).toEqual(whole);
        const shared = asShared(start);
        k.spmmInto(op, xIn, width, shared);
        expect(shared).toEqual(whole);
        k.spmmInto(op, x, width, outIn);
        expect(outIn).toEqual(whole);
        op.dispose();
        space.free(xIn.byteOffset);
        space.free(outIn.byteOffset);
        expect(space.live.size).toBe(0);
        k.useKernelMemory(null);
      }),
    );
  });

  it('sums a hub row of 100,000 entries in stored order', () => {
    const k = kernels();
    const n = 100_000;
    const indices = Int32Array.from({ length: n }, (_, e) => (e * 7919) % 1000);
    const csr = { rows: 3, cols: 1000, indptr: Int32Array.of(0, 0, n, n), indices };
    const x = Float32Array.from({ length: 1000 }, (_, i) => Math.fround(1 / (i + 3)));
    let sum = 0;
    for (const c of indices) sum = Math.fround(sum + x[c]!);
    const out = new Float32Array(3).fill(9);
    k.spmmInto(new k.SparseOperator(csr), x, 1, out);
    expect(out).toEqual(Float32Array.of(0, sum, 0));
  });

  it('takes results larger than its scratch chunk', () => {
    const k = kernels();
    const rows = 3000;
    const csr = {
      rows,
      cols: rows,
      indptr: Int32Array.from({ length: rows + 1 }, (_, r) => r),
      indices: Int32Array.from({ length: rows }, (_, r) => rows - 1 - r),
    };
    const x = Float32Array.from({ length: rows * 101 }, (_, i) => i);
    const out = new Float32Array(x.length).fill(0.5);
    k.spmmInto(new k.SparseOperator(csr), x, 101, out, { accumulate: true });
    for (const i of [0, 100, 101, 649 * 101, 162_345, x.length - 1]) {
      const r = Math.floor(i / 101);
      expect(out[i]).toBe(Math.fround((rows - 1 - r) * 101 + (i % 101) + 0.5));
    }
  });

  it.each([50, 64])('gives a column the same bits beside %i columns that exceed the caches as alone', (width) => {
    const k = kernels();
    const [rows, cols, degree] = [4200, 4000, 5];
    const nnz = rows * degree;
    const op = new k.SparseOperator({
      rows,
      cols,
      indptr: Int32Array.from({ length: rows + 1 }, (_, r) => r * degree),
      indices: Int32Array.from({ length: nnz }, (_, e) => (e * 7919) % cols),
      values: Float32Array.from({ length: nnz }, (_, e) => ((e * 31) % 17) - 8.3),
    });
    const x = Float32Array.from({ length: cols * width }, (_, i) => ((i * 37) % 101) / 7);
    const start = Float32Array.from({ length: rows * width }, (_, i) => (i % 13) / 3);
    const column = (a: Float32Array, c: number) =>
      Float32Array.from({ length: a.length / width }, (_, r) => a[r * width + c]!);
    const together = start.slice();
    k.spmmInto(op, x, width, together, { accumulate: true });
    for (const c of [0, 15, 16, 33, width - 1]) {
      const alone = column(start, c);
      k.spmmInto(op, column(x, c), 1, alone, { accumulate: true });
      expect(sameBits(column(together, c), alone)).toBe(true);
    }
    const space = new FixedSpace();
    k.useKernelMemory(space);
    const [xIn, outIn] = [space.place(x), space.place(start)];
    k.spmmInto(op, xIn, width, outIn, { rowBegin: 100, accumulate: true });
    expect(sameBits(outIn.subarray(100 * width), together.subarray(100 * width))).toBe(true);
    // Without room for a copy of some columns the product is made from x itself.
    outIn.set(start);
    let refused = 0;
    space.alloc = () => {
      refused++;
      throw new k.StrataError('ERR_STRATA_DEVICE_MEMORY', 'full', {});
    };
    k.spmmInto(op, xIn, width, outIn, { rowBegin: 100, accumulate: true });
    expect(sameBits(outIn.subarray(100 * width), together.subarray(100 * width))).toBe(true);
    expect(refused).toBe(1);
    op.dispose();
  });

  it.each([
    ['packed', 5],
    ['in place', 3],
  ])('gives a column the same bits beside others where rows of x are fetched ahead, %s', (_, degree) => {
    const k = kernels();
    const [width, n] = [21, 66_000];
    // Rows without entries, and one with more than are fetched at a time.
    const length = (r: number) => (r === 7 ? 999 : r % 3 === 0 ? 0 : (degree * 3) / 2);
    const indptr = new Int32Array(n + 1);
    for (let r = 0; r < n; r++) indptr[r + 1] = Math.floor(indptr[r]! + length(r));
    const nnz = indptr[n]!;
    const indices = Int32Array.from({ length: nnz }, (_, e) => (e * 48_271) % n);
    const values = Float32Array.from({ length: nnz }, (_, e) => ((e * 31) % 17) - 8.3);
    const op = new k.SparseOperator({ rows: n, cols: n, indptr, indices, values });
    const x = Float32Array.from({ length: n * width }, (_, i) => ((i * 37) % 101) / 7);
    const together = new Float32Array(n * width);
    k.spmmInto(op, x, width, together, { rowBegin: 5 });
    for (const c of [0, 15, 16, width - 1]) {
      const column = (from: Float32Array) => Float32Array.from({ length: n }, (_, r) => from[r * width + c]!);
      const alone = new Float32Array(n);
      k.spmmInto(op, column(x), 1, alone, { rowBegin: 5 });
      expect(sameBits(column(together), alone)).toBe(true);
    }
    op.dispose();
  });

  it('lets NaN and infinities through, also against a weight of 0', () => {
    const k = kernels();
    const csr = { rows: 2, cols: 2, indptr: Int32Array.of(0, 1, 2), indices: Int32Array.of(0, 1) };
    const op = new k.SparseOperator({ ...csr, values: Float32Array.of(0, 2) });
    for (const width of [1, 4, 9, 35]) {
      const x = new Float32Array(2 * width).fill(Number.NaN, 0, width).fill(Number.NEGATIVE_INFINITY, width);
      const out = new Float32Array(2 * width);
      k.spmmInto(op, x, width, out);
      expect(out.subarray(0, width).every(Number.isNaN)).toBe(true);
      expect(out.subarray(width).every((v) => v === Number.NEGATIVE_INFINITY)).toBe(true);
    }
  });

  it('takes matrices without rows, columns, entries, and width 0', () => {
    const k = kernels();
    const none = { indptr: Int32Array.of(0), indices: new Int32Array(0) };
    k.spmmInto(new k.SparseOperator({ rows: 0, cols: 0, ...none }), new Float32Array(0), 3, new Float32Array(0));
    k.spmmInto(new k.SparseOperator({ rows: 0, cols: 2, ...none }), new Float32Array(6), 3, new Float32Array(0));
    const empty = new k.SparseOperator({ rows: 1, cols: 0, indptr: Int32Array.of(0, 0), indices: none.indices });
    const out = Float32Array.of(5, 5);
    k.spmmInto(empty, new Float32Array(0), 2, out);
    expect(out).toEqual(Float32Array.of(0, 0));
    k.spmmInto(empty, new Float32Array(0), 0, out);
  });

  it('frees its scratch when the memory is too small', () => {
    const k = kernels();
    const space = new FixedSpace();
    k.useKernelMemory(space);
    const op = new k.SparseOperator({ rows: 1, cols: 99, indptr: Int32Array.of(0, 1), indices: Int32Array.of(7) });
    space.limitBytes = 1000;
    expect(() => k.spmmInto(op, new Float32Array(9900), 100, new Float32Array(100))).toThrow(/full/);
    op.dispose();
    expect(space.live.size).toBe(0);
  });
});

describe('spmmInto', () => {
  const op = new SparseOperator({ rows: 2, cols: 3, indptr: Int32Array.of(0, 1, 1), indices: Int32Array.of(2) });
  const [x, out] = [new Float32Array(6), new Float32Array(4)];

  it('refuses arrays and ranges that do not fit', () => {
    expect(() => spmmInto(op, x.subarray(1), 2, out)).toThrow(ShapeError);
    expect(() => spmmInto(op, x, 2, out.subarray(1))).toThrow(ShapeError);
    expect(() => spmmInto(op, x, 1.5, out)).toThrow(OptionError);
    expect(() => spmmInto(op, x, 2, out, { rowEnd: 3 })).toThrow(/rowEnd must be an integer up to 2, got 3/);
    expect(() => spmmInto(op, x, 2, out, { rowBegin: 2, rowEnd: 1 })).toThrow(OptionError);
    expect(() => spmmInto(op, x, 2, out, { rowBegin: -1 })).toThrow(OptionError);
  });
});
