import '@tensorflow/tfjs-core/dist/register_all_gradients.js';
import '@tensorflow/tfjs-backend-cpu';
import { expectClose } from '@strata-ml/testing';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { edgeSoftmaxInto, OptionError, ShapeError, SparseOperator, sddmmInto } from '../src/index.js';
import { eachRow, softmaxByRow, softmaxGradientByRow } from './oracles/edges.js';
import { asView, csr, floats, width } from './support/arbitrary.js';
import { FixedSpace } from './support/FixedSpace.js';
import { describeEachVariant } from './support/variants.js';

const heads = fc.integer({ min: 1, max: 9 });
const withScores = fc.record({ csr, heads, spread: fc.constantFrom(1, 30) }).chain(({ csr, heads, spread }) =>
  fc.record({
    indptr: fc.constant(csr.indptr),
    heads: fc.constant(heads),
    scores: floats(csr.indices.length * heads).map((s) => s.map((v) => v * spread)),
    dAlpha: floats(csr.indices.length * heads),
  }),
);

describeEachVariant('edges', (kernels) => {
  afterEach(() => kernels().useKernelMemory(null));

  it('is the softmax of each row and head in float64, in place or not, wherever the arrays live', () => {
    const space = new FixedSpace();
    fc.assert(
      fc.property(withScores, ({ indptr, heads, scores }) => {
        const k = kernels();
        const out = asView(new Float32Array(scores.length));
        k.edgeSoftmaxInto(indptr, asView(scores), heads, out);
        // The greatest score is exact, so the error is that of exp and the sum.
        expectClose(out, softmaxByRow(indptr, scores, heads), {
          rtol: 4e-6,
          atol: 2e-38,
          why: 'sums of up to 40 terms',
        });
        const inPlace = scores.slice();
        k.edgeSoftmaxInto(indptr, inPlace, heads, inPlace);
        expect(inPlace).toEqual(Float32Array.from(out));
        k.useKernelMemory(space);
        const inside = space.place(scores);
        k.edgeSoftmaxInto(indptr, inside, heads, inside);
        expect(inside).toEqual(inPlace);
        space.free(inside.byteOffset);
        expect(space.live.size).toBe(0);
        k.useKernelMemory(null);
      }),
    );
  });

  it('has the gradient of the Jacobian in float64', () => {
    fc.assert(
      fc.property(withScores, ({ indptr, heads, scores, dAlpha }) => {
        const k = kernels();
        const alpha = new Float32Array(scores.length);
        k.edgeSoftmaxInto(indptr, scores, heads, alpha);
        const out = asView(dAlpha);
        k.edgeSoftmaxGradientInto(indptr, alpha, dAlpha, heads, out);
        const expected = softmaxGradientByRow(indptr, alpha, dAlpha, heads);
        expectClose(out, expected, {
          atol: 2e-5,
          why: 'the sum over a row, up to 4, cancels; alpha adds to 1 in float32',
        });
      }),
    );
  });

  it('overflows nowhere, and keeps NaN in its row and head', () => {
    const k = kernels();
    for (const heads of [1, 2, 3, 4, 5]) {
      const scores = new Float32Array(9 * heads).fill(3e38);
      scores.fill(-3e38, 0, heads);
      scores[4 * heads] = Number.NaN;
      const out = new Float32Array(scores.length);
      k.edgeSoftmaxInto(Int32Array.of(0, 3, 3, 6, 9), scores, heads, out);
      for (let h = 0; h < heads; h++) {
        const column = Array.from({ length: 9 }, (_, e) => out[e * heads + h]!);
        expect(column.slice(0, 3)).toEqual([0, 0.5, 0.5]);
        if (h === 0) expect(column.slice(3, 6).every(Number.isNaN)).toBe(true);
        for (const v of column.slice(h === 0 ? 6 : 3)) expect(v).toBeCloseTo(1 / 3, 6);
      }
    }
  });

  it('multiplies the rows that an entry joins, per head', () => {
    const space = new FixedSpace();
    const operands = fc.record({ csr, heads: fc.integer({ min: 1, max: 3 }), width }).chain(({ csr, heads, width }) =>
      fc.record({
        csr: fc.constant(csr),
        heads: fc.constant(heads),
        width: fc.constant(width),
        a: floats(csr.rows * heads * width),
        b: floats(csr.cols * heads * width),
      }),
    );
    fc.assert(
      fc.property(operands, ({ csr, heads, width, a, b }) => {
        const k = kernels();
        const op = new k.SparseOperator(csr);
        const expected = new Float64Array(csr.indices.length * heads);
        eachRow(csr.indptr, (entries, r) => {
          for (const e of entries) {
            for (let i = 0; i < heads * width; i++) {
              const at = csr.indices[e]! * heads * width + i;
              expected[e * heads + Math.floor(i / width)]! += a[r * heads * width + i]! * b[at]!;
            }
          }
        });
        const out = asView(new Float32Array(expected.length).fill(7));
        k.sddmmInto(op, asView(a), b, width, out, heads);
        expectClose(out, expected, { rtol: 1e-5, atol: 16 * width * 4e-7, why: 'terms up to 16 cancel' });
        k.useKernelMemory(space);
        const inside = space.place(out);
        k.sddmmInto(op, a, b, width, inside, heads);
        expect(Array.from(inside)).toEqual(Array.from(out));
        space.free(inside.byteOffset);
        op.dispose();
        expect(space.live.size).toBe(0);
        k.useKernelMemory(null);
      }),
      { numRuns: 60 },
    );
  });

  it('differentiates through tensors', async () => {
    await tf.setBackend('cpu');
    // Else the first tensor prints advice.
    (tf.backend() as tf.KernelBackend & { firstUse?: boolean }).firstUse = false;
    const k = kernels();
    const indptr = Int32Array.of(0, 2, 5);
    const scores = tf.tensor2d([0.3, -1, 0.5, 2, 1, 0, -0.2, 0.1, 0.7, 0.9], [5, 2]);
    const w = tf.tensor2d([1, 2, 3, -1, 0.5, 0.2, 2, 1, 4, -3], [5, 2]);
    const before = tf.memory().numTensors;
    const gradient = tf.tidy(() =>
      tf
        .grad((s) => tf.sum(tf.mul(k.edgeSoftmax(indptr, s as tf.Tensor2D), w)))(scores)
        .dataSync(),
    ) as unknown as Float32Array;
    const alpha = softmaxByRow(indptr, scores.dataSync(), 2);
    expectClose(gradient, softmaxGradientByRow(indptr, alpha, w.dataSync(), 2), { atol: 1e-6, why: 'values near 1' });
    expect(tf.memory().numTensors).toBe(before);
    tf.dispose([scores, w]);
  });
});

describe('edges', () => {
  it('refuses what does not fit', () => {
    const [two, out] = [new Float32Array(2), new Float32Array(2)];
    expect(() => edgeSoftmaxInto(Int32Array.of(0, 3), two, 1, out)).toThrow(ShapeError);
    expect(() => edgeSoftmaxInto(Int32Array.of(1, 2), two, 1, out)).toThrow(OptionError);
    expect(() => edgeSoftmaxInto(Int32Array.of(0, 3, 2), two, 1, out)).toThrow(/indptr\[2\] must be at least/);
    expect(() => edgeSoftmaxInto(Int32Array.of(0, 2), two, 0, out)).toThrow(OptionError);
    const op = new SparseOperator({ rows: 1, cols: 1, indptr: Int32Array.of(0, 1), indices: Int32Array.of(0) });
    expect(() => sddmmInto(op, two, two, 2, out)).toThrow(ShapeError);
    expect(() => sddmmInto(op, two, two, 0, out)).toThrow(OptionError);
  });
});
