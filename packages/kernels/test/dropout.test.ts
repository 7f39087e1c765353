import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { dropoutRowsInto, dropoutSparse, OptionError, philox4x32, ShapeError, SparseOperator } from '../src/index.js';
import { toDense } from './oracles/dense.js';
import { asShared, asView, csr, floats, width } from './support/arbitrary.js';
import { FixedSpace } from './support/FixedSpace.js';
import { describeEachVariant } from './support/variants.js';

const word = fc.integer({ min: 0, max: 0xffffffff });
const key = fc.tuple(word, word);
const rate = fc.oneof(fc.constantFrom(0, 0.5, 0.999), fc.double({ min: 0, max: 0.95, noNaN: true }));
const ids = (n: number) =>
  fc
    .array(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), { minLength: n, maxLength: n })
    .map((a) => Int32Array.from(a));

/** The rule as the documentation states it, one entry at a time. */
function expected(x: ArrayLike<number>, w: number, rowIds: Int32Array, p: number, k: readonly [number, number]) {
  const words = new Uint32Array(4);
  const scale = Math.fround(1 / (1 - p));
  return Float32Array.from(x, (v, i) => {
    const c = i % w;
    const kept = philox4x32(words, k[0], k[1], c >> 2, rowIds[Math.floor(i / w)]!)[c & 3]! >= p * 2 ** 32;
    return kept ? v * scale : 0;
  });
}

const dense = fc
  .record({ n: fc.nat(9), w: width, rate, key })
  .chain((o) => fc.record({ o: fc.constant(o), rowIds: ids(o.n), x: floats(o.n * o.w) }));

describeEachVariant('dropout', (kernels) => {
  afterEach(() => kernels().useKernelMemory(null));

  it('keeps exactly the entries of the documented rule, wherever the arrays live', () => {
    const space = new FixedSpace();
    fc.assert(
      fc.property(dense, ({ o: { n, w, rate, key }, rowIds, x }) => {
        const k = kernels();
        const want = expected(x, w, rowIds, rate, key);
        const out = asView(new Float32Array(n * w).fill(9));
        k.dropoutRowsInto(asView(x), w, rowIds, rate, key, out);
        expect(out).toEqual(want);
        const same = asShared(x);
        k.dropoutRowsInto(same, w, rowIds, rate, key, same);
        expect(same).toEqual(want);

        k.useKernelMemory(space);
        const [xIn, outIn] = [space.place(x), space.place(new Float32Array(n * w).fill(9))];
        const idsIn = new Int32Array(space.memory.buffer as ArrayBuffer, space.alloc(4 * n), n);
        idsIn.set(rowIds);
        k.dropoutRowsInto(xIn, w, idsIn, rate, key, outIn);
        expect(outIn).toEqual(want);
        outIn.fill(9);
        k.dropoutRowsInto(x, w, rowIds, rate, key, outIn);
        expect(outIn).toEqual(want);
        const outside = new Float32Array(n * w);
        k.dropoutRowsInto(xIn, w, rowIds, rate, key, outside);
        expect(outside).toEqual(want);
        for (const a of [xIn, outIn, idsIn]) space.free(a.byteOffset);
        expect(space.live.size).toBe(0);
        k.useKernelMemory(null);
      }),
    );
  });

  it('drops from a sparse matrix what it drops from the dense one', () => {
    const operands = csr.chain((a) => fc.record({ a: fc.constant(a), rowIds: ids(a.rows), rate, key }));
    fc.assert(
      fc.property(operands, ({ a, rowIds, rate, key }) => {
        const k = kernels();
        const op = new k.SparseOperator(a);
        const dropped = k.dropoutSparse(op, rowIds, rate, key);
        // Entry by entry: each stored value meets the mask of its place.
        const mask = expected(new Float32Array(a.rows * a.cols).fill(1), a.cols, rowIds, rate, key);
        const scale = Math.fround(1 / (1 - rate));
        const indices: number[] = [];
        const values: number[] = [];
        const indptr = [0];
        for (let r = 0; r < a.rows; r++) {
          for (let e = a.indptr[r]!; e < a.indptr[r + 1]!; e++) {
            if (!mask[r * a.cols + a.indices[e]!]) continue;
            indices.push(a.indices[e]!);
            values.push(Math.fround((a.values?.[e] ?? 1) * scale));
          }
          indptr.push(indices.length);
        }
        expect(dropped.nnz).toBe(indices.length);
        expect(dropped.csr.values).toEqual(Float32Array.from(values));
        expect([...dropped.csr.indices]).toEqual(indices);
        expect([...dropped.csr.indptr]).toEqual(indptr);
        if (rate === 0) expect(toDense(dropped.csr)).toEqual(toDense(a));
        op.dispose();
        dropped.dispose();
      }),
    );
  });

  it('takes more rows than its scratch chunk', () => {
    const n = 5000;
    const w = 33;
    const x = Float32Array.from({ length: n * w }, (_, i) => i + 1);
    const rowIds = Int32Array.from({ length: n }, (_, r) => r * 31);
    const out = new Float32Array(n * w);
    kernels().dropoutRowsInto(x, w, rowIds, 0.4, [3, 4], out);
    const want = expected(x, w, rowIds, 0.4, [3, 4]);
    expect(out.findIndex((v, i) => v !== want[i])).toBe(-1);
  });

  it('keeps a share 1 − rate of all entries, within five standard errors, in every column and row', () => {
    const n = 4000;
    const w = 100;
    const x = new Float32Array(n * w).fill(1);
    const rowIds = Int32Array.from({ length: n }, (_, r) => r);
    for (const rate of [0.1, 0.5, 0.9]) {
      const out = new Float32Array(n * w);
      kernels().dropoutRowsInto(x, w, rowIds, rate, [11, 12], out);
      const within = (kept: number, total: number) =>
        expect(Math.abs(kept - total * (1 - rate))).toBeLessThan(5 * Math.sqrt(total * rate * (1 - rate)));
      const columns = new Float64Array(w);
      const rows = new Float64Array(n);
      out.forEach((v, i) => {
        if (v === 0) return;
        columns[i % w]!++;
        rows[Math.floor(i / w)]!++;
      });
      within(
        columns.reduce((a, b) => a + b, 0),
        n * w,
      );
      for (const kept of columns) within(kept, n);
      for (const kept of rows) within(kept, w);
    }
  });

  it('depends on the key, the row id and the column, not on the position of the row', () => {
    const k = kernels();
    const x = new Float32Array(64).fill(1);
    const mask = (rowIds: number[], key: readonly [number, number]) => {
      const out = new Float32Array(x.length);
      k.dropoutRowsInto(x, 32, Int32Array.from(rowIds), 0.5, key, out);
      return [Array.from(out.subarray(0, 32)), Array.from(out.subarray(32))];
    };
    const [a, b] = mask([5, 9], [1, 2]);
    expect(mask([9, 5], [1, 2])).toEqual([b, a]);
    expect(a).not.toEqual(b);
    expect(mask([5, 9], [1, 3])[0]).not.toEqual(a);
    expect(mask([5, 9], [2, 2])[0]).not.toEqual(a);
  });

  it('lets kept NaN through and turns dropped ones into zeros', () => {
    const x = new Float32Array(37).fill(Number.NaN);
    const out = new Float32Array(37);
    kernels().dropoutRowsInto(x, 37, Int32Array.of(3), 0.5, [1, 1], out);
    const kept = expected(new Float32Array(37).fill(1), 37, Int32Array.of(3), 0.5, [1, 1]);
    expect(Array.from(out, Number.isNaN)).toEqual(Array.from(kept, (v) => v !== 0));
    expect(out.every((v) => Number.isNaN(v) || Object.is(v, 0))).toBe(true);
  });
});

describe('dropout', () => {
  it('refuses rates outside [0, 1) and arrays that do not fit', () => {
    const one = Int32Array.of(0);
    const [x, out] = [new Float32Array(2), new Float32Array(2)];
    for (const rate of [1, -0.1, Number.NaN, 1 - 2 ** -40]) {
      expect(() => dropoutRowsInto(x, 2, one, rate, [0, 0], out)).toThrow(OptionError);
    }
    expect(() => dropoutRowsInto(x, 1, one, 0.5, [0, 0], out)).toThrow(ShapeError);
    expect(() => dropoutRowsInto(x, 2, one, 0.5, [0, 0], new Float32Array(3))).toThrow(ShapeError);
    const op = new SparseOperator({ rows: 1, cols: 1, indptr: Int32Array.of(0, 1), indices: one });
    expect(() => dropoutSparse(op, new Int32Array(2), 0.5, [0, 0])).toThrow(ShapeError);
    expect(() => dropoutSparse(op, one, 1, [0, 0])).toThrow(/dropoutSparse: rate must be in \[0, 1\), got 1/);
  });
});
