import '@tensorflow/tfjs-core/dist/register_all_gradients.js';
import '@tensorflow/tfjs-backend-cpu';
import { expectClose } from '@strata-ml/testing';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { OptionError, ShapeError, SparseOperator, segmentSumInto, spmmMaxInto } from '../src/index.js';
import { eachRow } from './oracles/edges.js';
import { asView, csr, floats, width } from './support/arbitrary.js';
import { FixedSpace } from './support/FixedSpace.js';
import { describeEachVariant } from './support/variants.js';

const withEntries = fc.record({ csr, width }).chain(({ csr, width }) =>
  fc.record({
    csr: fc.constant(csr),
    width: fc.constant(width),
    entries: floats(csr.indices.length * width),
    x: floats(csr.cols * width),
    dy: floats(csr.rows * width),
  }),
);

describeEachVariant('segments', (kernels) => {
  afterEach(() => kernels().useKernelMemory(null));

  it('sums and averages the entries of each row, in order, wherever the arrays live', () => {
    const space = new FixedSpace();
    fc.assert(
      fc.property(withEntries, ({ csr: { rows, indptr }, width, entries }) => {
        const k = kernels();
        const sums = new Float32Array(rows * width);
        const means = new Float64Array(rows * width);
        eachRow(indptr, (own, r) => {
          for (let c = 0; c < width; c++) {
            const terms = own.map((e) => entries[e * width + c]!);
            sums[r * width + c] = terms.reduce((sum, v) => Math.fround(sum + v), 0);
            means[r * width + c] = terms.reduce((sum, v) => sum + v, 0) / Math.max(1, terms.length);
          }
        });
        const out = asView(new Float32Array(sums.length).fill(9));
        k.segmentSumInto(indptr, asView(entries), width, out);
        expect(Array.from(out)).toEqual(Array.from(sums));
        k.segmentMeanInto(indptr, entries, width, out);
        expectClose(out, means, { atol: 2e-5, why: 'sums of up to 40 terms may cancel' });
        k.useKernelMemory(space);
        const inside = space.place(sums.map(() => 3));
        k.segmentSumInto(indptr, entries, width, inside);
        expect(Array.from(inside)).toEqual(Array.from(sums));
        space.free(inside.byteOffset);
        expect(space.live.size).toBe(0);
        k.useKernelMemory(null);
      }),
    );
  });

  it('finds the greatest neighbour and the first entry that holds it; the gradient goes there', () => {
    fc.assert(
      fc.property(withEntries, ({ csr, width, x, dy }) => {
        const k = kernels();
        const op = new k.SparseOperator(csr);
        const best = new Float32Array(csr.rows * width);
        const argmax = new Int32Array(csr.rows * width).fill(-1);
        const dx = new Float64Array(x.length);
        eachRow(csr.indptr, (own, r) => {
          for (let c = 0; c < width; c++) {
            const terms = own.map((e) => Math.fround((csr.values?.[e] ?? 1) * x[csr.indices[e]! * width + c]!));
            if (terms.length === 0) continue;
            const i = terms.findIndex((t) => terms.every((other) => t >= other));
            best[r * width + c] = terms[i]!;
            argmax[r * width + c] = own[i]!;
            dx[csr.indices[own[i]!]! * width + c]! += (csr.values?.[own[i]!] ?? 1) * dy[r * width + c]!;
          }
        });
        const out = asView(new Float32Array(best.length).fill(9));
        const arg = new Int32Array(best.length);
        k.spmmMaxInto(op, asView(x), width, out, arg);
        expect(Array.from(out)).toEqual(Array.from(best));
        expect(arg).toEqual(argmax);
        const gradient = asView(x);
        k.spmmMaxGradientInto(op, dy, width, arg, gradient);
        expectClose(gradient, dx, { atol: 4e-5, why: 'up to 12 terms of up to 16 may cancel' });
        op.dispose();
      }),
    );
  });

  it('lets a NaN win, and −∞ be a maximum', () => {
    const k = kernels();
    const op = new k.SparseOperator({
      rows: 3,
      cols: 3,
      indptr: Int32Array.of(0, 3, 3, 4),
      indices: Int32Array.of(0, 1, 2, 0),
    });
    for (const width of [1, 4, 7]) {
      const row = (v: number) => new Array<number>(width).fill(v);
      const x = Float32Array.from([...row(-Infinity), ...row(Number.NaN), ...row(5)]);
      const [out, arg] = [new Float32Array(3 * width), new Int32Array(3 * width)];
      k.spmmMaxInto(op, x, width, out, arg);
      expect(Array.from(out)).toEqual([...row(Number.NaN), ...row(0), ...row(-Infinity)]);
      expect(Array.from(arg)).toEqual([...row(1), ...row(-1), ...row(3)]);
    }
  });

  it('differentiates through tensors', async () => {
    await tf.setBackend('cpu');
    // Else the first tensor prints advice.
    (tf.backend() as tf.KernelBackend & { firstUse?: boolean }).firstUse = false;
    const k = kernels();
    const op = new k.SparseOperator({
      rows: 2,
      cols: 3,
      indptr: Int32Array.of(0, 2, 4),
      indices: Int32Array.of(0, 2, 1, 2),
      values: Float32Array.of(1, 2, 1, 3),
    });
    const x = tf.tensor2d([1, 9, 4, -7, 3, -2], [3, 2]);
    const { value, grad } = tf.valueAndGrad((t) => tf.sum(k.spmmMax(op, t as tf.Tensor2D)))(x);
    expect(value.dataSync()[0]).toBe(6 + 9 + 9 - 6);
    expect(Array.from(grad.dataSync())).toEqual([0, 1, 0, 0, 5, 3]);
    tf.dispose([x, value, grad]);
    op.dispose();
  });
});

describe('segments', () => {
  it('refuses what does not fit', () => {
    const [x, out] = [new Float32Array(4), new Float32Array(2)];
    expect(() => segmentSumInto(Int32Array.of(0, 1), x, 2, out)).toThrow(OptionError);
    expect(() => segmentSumInto(Int32Array.of(0, 2), x, 3, out)).toThrow(ShapeError);
    expect(() => segmentSumInto(Int32Array.of(0, 1, 2), x, 2, out)).toThrow(ShapeError);
    expect(() => segmentSumInto(Int32Array.of(0, 2), x, 0, out)).toThrow(OptionError);
    const op = new SparseOperator({ rows: 1, cols: 2, indptr: Int32Array.of(0, 1), indices: Int32Array.of(1) });
    expect(() => spmmMaxInto(op, x, 2, out, new Int32Array(1))).toThrow(ShapeError);
    expect(() => spmmMaxInto(op, x, 0, out, new Int32Array(2))).toThrow(OptionError);
  });
});
