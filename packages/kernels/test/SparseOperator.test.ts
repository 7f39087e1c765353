import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type Csr,
  OptionError,
  ShapeError,
  SparseOperator,
  spmmInto,
  transposeCsr,
  useKernelMemory,
} from '../src/index.js';
import { toDense, transpose } from './oracles/dense.js';
import { csr } from './support/arbitrary.js';
import { FixedSpace } from './support/FixedSpace.js';

const small = (values?: Float32Array): Csr => ({
  rows: 2,
  cols: 3,
  indptr: Int32Array.of(0, 2, 3),
  indices: Int32Array.of(2, 0, 2),
  ...(values ? { values } : {}),
});

function product(op: SparseOperator, x = Float32Array.from({ length: op.cols }, (_, i) => 10 ** i)): Float32Array {
  const out = new Float32Array(op.rows);
  spmmInto(op, x, 1, out);
  return out;
}

afterEach(() => useKernelMemory(null));

describe('transposeCsr', () => {
  it('is the transposed dense matrix, in ascending order of the original row', () => {
    fc.assert(
      fc.property(csr, (a) => {
        const t = transposeCsr(a);
        const bySum = (m: number[][]) => m.map((row) => row.map((v) => Math.fround(v)));
        expect(bySum(toDense(t))).toEqual(bySum(transpose(toDense(a), a.cols)));
        for (let r = 0; r < t.rows; r++) {
          const row = Array.from(t.permutation.subarray(t.indptr[r], t.indptr[r + 1]));
          expect(row).toEqual([...row].sort((p, q) => p - q));
        }
        t.permutation.forEach((e, p) => {
          expect(a.indices[e]).toBe(t.indptr.findLastIndex((begin) => begin <= p));
          expect(t.values?.[p]).toBe(a.values?.[e]);
        });
      }),
    );
  });
});

describe('SparseOperator', () => {
  it('refuses arrays that do not fit together, naming the first bad position', () => {
    const bad = (change: Partial<Csr>) => () => new SparseOperator({ ...small(), ...change });
    expect(bad({ rows: 3 })).toThrow(ShapeError);
    expect(bad({ rows: -1 })).toThrow(OptionError);
    expect(bad({ indptr: Int32Array.of(1, 2, 3) })).toThrow(/indptr\[0\] must be 0, got 1/);
    expect(bad({ indptr: Int32Array.of(0, 2, 2) })).toThrow(/indptr\[2\] must be the number of entries 3, got 2/);
    expect(bad({ indptr: Int32Array.of(0, 4, 3) })).toThrow(/indptr\[2\] must be at least/);
    expect(bad({ indices: Int32Array.of(2, 3, 2) })).toThrow(/indices\[1\] must be in \[0, 3\), got 3/);
    expect(bad({ indices: Int32Array.of(2, 0, -1) })).toThrow(OptionError);
    expect(bad({ values: new Float32Array(2) })).toThrow(ShapeError);
    expect(() => new SparseOperator(small()).withValues(new Float32Array(4))).toThrow(ShapeError);
    expect(() => transposeCsr({ ...small(), cols: 2 })).toThrow(OptionError);
  });

  it('keeps its transpose, and shares the structure of it with operators of other values', () => {
    const op = new SparseOperator(small(Float32Array.of(1, 2, 3)));
    const other = op.withValues(Float32Array.of(4, 5, 6));
    expect(op.transposed()).toBe(op.transposed());
    expect(other.transposed().csr.indices).toBe(op.transposed().csr.indices);
    expect(other.transposed().csr.values).toEqual(Float32Array.of(5, 4, 6));
    expect(product(other.transposed())).toEqual(Float32Array.of(5, 0, 64));
    expect(product(other)).toEqual(Float32Array.of(405, 600));
    expect(product(op)).toEqual(Float32Array.of(102, 300));
    expect([op.rows, op.cols, op.nnz]).toEqual([2, 3, 3]);
  });

  it('copies its arrays once, and frees them when the last operator that shares them goes', () => {
    const space = new FixedSpace();
    useKernelMemory(space);
    const op = new SparseOperator(small(Float32Array.of(1, 2, 3)));
    product(op);
    product(op);
    expect(space.live.size).toBe(3);
    const other = op.withValues(Float32Array.of(4, 5, 6));
    product(other);
    expect(space.live.size).toBe(4);
    product(op.transposed());
    expect(space.live.size).toBe(7);
    op.dispose();
    expect(space.live.size).toBe(3);
    expect(product(other)).toEqual(Float32Array.of(405, 600));
    other.dispose();
    other.dispose();
    expect(space.live.size).toBe(0);
    // A use after dispose takes the memory again.
    expect(product(op)).toEqual(Float32Array.of(102, 300));
    op.dispose();
    expect(space.live.size).toBe(0);
  });

  it('moves to another memory at its next use, but not to another object of the same memory', () => {
    const [first, second] = [new FixedSpace(), new FixedSpace()];
    useKernelMemory(first);
    const op = new SparseOperator(small(Float32Array.of(1, 2, 3)));
    const other = op.withValues(Float32Array.of(4, 5, 6));
    product(op);
    product(other);
    useKernelMemory(second);
    expect(product(op)).toEqual(Float32Array.of(102, 300));
    expect([first.live.size, second.live.size]).toEqual([1, 3]);
    expect(product(other)).toEqual(Float32Array.of(405, 600));
    expect([first.live.size, second.live.size]).toEqual([0, 4]);
    const again = { memory: second.memory, alloc: (b: number) => second.alloc(b), free: (o: number) => second.free(o) };
    useKernelMemory(again);
    product(op);
    expect(second.live.size).toBe(4);
    useKernelMemory(null);
    expect(product(op)).toEqual(Float32Array.of(102, 300));
    op.dispose();
    other.dispose();
    expect(second.live.size).toBe(0);
  });

  it('accepts arrays over a SharedArrayBuffer', () => {
    const indices = new Int32Array(new SharedArrayBuffer(12));
    indices.set([2, 0, 2]);
    const indptr = new Int32Array(new SharedArrayBuffer(16), 4, 3);
    indptr.set([0, 2, 3]);
    expect(product(new SparseOperator({ rows: 2, cols: 3, indptr, indices }))).toEqual(Float32Array.of(101, 100));
  });
});
