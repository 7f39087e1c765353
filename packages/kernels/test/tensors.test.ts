import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-core/dist/register_all_gradients.js';
import '@tensorflow/tfjs-backend-cpu';
import { expectClose } from '@strata-ml/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  dropoutRows,
  dropoutRowsInto,
  readTensor,
  ShapeError,
  SparseOperator,
  spmm,
  tensorFrom,
  useKernelMemory,
} from '../src/index.js';
import { multiply, toDense, transpose } from './oracles/dense.js';
import { registerSharingBackend, SharingBackend } from './support/SharingBackend.js';

const csr = {
  rows: 4,
  cols: 3,
  indptr: Int32Array.of(0, 2, 2, 5, 6),
  indices: Int32Array.of(2, 0, 1, 1, 0, 2),
  values: Float32Array.of(0.5, -1, 2, 0.25, 3, 1.5),
};
const dense = toDense(csr);
const rowIds = Int32Array.of(8, 1, 5);
const key = [21, 22] as const;

describe.each(['cpu', 'sharing'])('on the %s backend', (name) => {
  let tensorsBefore = 0;

  beforeAll(async () => {
    if (name === 'sharing') registerSharingBackend(name);
    await tf.setBackend(name);
    // Else the first tensor prints advice.
    (tf.backend() as tf.KernelBackend & { firstUse?: boolean }).firstUse = false;
    const backend = tf.backend() as unknown;
    if (backend instanceof SharingBackend) useKernelMemory(backend.space);
  });
  afterAll(async () => {
    useKernelMemory(null);
    await tf.setBackend('cpu');
    if (name === 'sharing') tf.removeBackend(name);
  });
  beforeEach(() => {
    tensorsBefore = tf.memory().numTensors;
  });
  afterEach(() => {
    expect(tf.memory().numTensors).toBe(tensorsBefore);
    const backend = tf.backend() as unknown;
    if (backend instanceof SharingBackend) expect(backend.space.live.size).toBe(0);
  });

  const input = () => tf.tensor2d([1, 2, -3, 4, 0.5, -6, 7, 8, 0.25, 1, 2, 3, -1, -2, 5], [3, 5]);

  it('tensorFrom makes what fill writes, from zeros', () => {
    const t = tensorFrom([2, 3], (data) => {
      expect(Array.from(data)).toEqual([0, 0, 0, 0, 0, 0]);
      data[4] = 7;
    });
    expect(t.shape).toEqual([2, 3]);
    expect(t.dtype).toBe('float32');
    expect(Array.from(t.dataSync())).toEqual([0, 0, 0, 0, 7, 0]);
    expect(Array.from(readTensor(t))).toEqual([0, 0, 0, 0, 7, 0]);
    t.dispose();
    tensorFrom([0, 4], (data) => expect(data.length).toBe(0)).dispose();
    const scalar = tensorFrom([], (data) => data.fill(3));
    expect(scalar.rank).toBe(0);
    scalar.dispose();
  });

  it('tensorFrom leaves nothing behind when fill throws', () => {
    const failing = () =>
      tensorFrom([9], () => {
        throw new Error('no');
      });
    expect(failing).toThrow('no');
  });

  it('readTensor converts other dtypes and reads tensors made elsewhere', () => {
    tf.tidy(() => {
      expect(readTensor(tf.tensor1d([1, 2], 'int32'))).toEqual(Float32Array.of(1, 2));
      expect(readTensor(tf.tensor1d([true, false], 'bool'))).toEqual(Float32Array.of(1, 0));
    });
  });

  it('writes results straight into the storage of a sharing backend', () => {
    const backend = tf.backend() as unknown;
    if (!(backend instanceof SharingBackend)) return;
    const before = backend.allocated;
    const op = new SparseOperator(csr);
    tf.tidy(() => {
      const y = spmm(op, input());
      expect(backend.allocated).toBe(before + 1);
      expect(readTensor(y).buffer).toBe(backend.space.memory.buffer);
    });
    op.dispose();
  });

  it('spmm is the dense product, its gradient the transposed one', () => {
    const op = new SparseOperator(csr);
    tf.tidy(() => {
      const x = input();
      expectClose(spmm(op, x).dataSync(), multiply(dense, x.dataSync(), 5));
      const dy = tf.tensor2d(
        Float32Array.from({ length: 20 }, (_, i) => Math.cos(i)),
        [4, 5],
      );
      const dx = tf.grad((x) => spmm(op, x as tf.Tensor2D))(x, dy);
      expect(dx.shape).toEqual([3, 5]);
      expectClose(dx.dataSync(), multiply(transpose(dense, 3), dy.dataSync(), 5));
    });
    op.dispose();
  });

  it('spmm can be differentiated twice', () => {
    const op = new SparseOperator(csr);
    tf.tidy(() => {
      // f = Σ (Ax)² / 2 has the gradient AᵀAx, and the sum of that has the gradient AᵀA1.
      const half = (x: tf.Tensor) => tf.mul(0.5, tf.sum(tf.square(spmm(op, x as tf.Tensor2D))));
      const twice = tf.grad((x) => tf.sum(tf.grad(half)(x)))(input());
      const a1 = multiply(dense, new Float32Array(15).fill(1), 5);
      expectClose(twice.dataSync(), multiply(transpose(dense, 3), a1, 5));
    });
    op.dispose();
  });

  it('a network of both ops gets the gradient that finite differences give', () => {
    const op = new SparseOperator(csr);
    const start = [0.3, -0.2, 0.7, 0.1, 0.9, -0.4, 0.25, 0.6, -0.8, 0.05];
    const made = tf.tensor2d(start, [5, 2]);
    const w = tf.variable(made);
    made.dispose();
    const lossAt = (w: tf.Tensor) => {
      const hidden = tf.matMul(dropoutRows(input(), rowIds, 0.4, key), w as tf.Tensor2D) as tf.Tensor2D;
      return tf.sum(tf.square(spmm(op, dropoutRows(hidden, rowIds, 0.3, [5, 6])))) as tf.Scalar;
    };
    const { value, grads } = tf.variableGrads(() => lossAt(w));
    const analytic = grads[w.name]!.dataSync();
    const numeric = start.map((_, i) => {
      const at = (h: number) =>
        tf.tidy(
          () =>
            lossAt(
              tf.tensor2d(
                Float32Array.from(start, (v, j) => (j === i ? v + h : v)),
                [5, 2],
              ),
            ).dataSync()[0]!,
        );
      return (at(1 / 16) - at(-1 / 16)) / (1 / 8);
    });
    expect(analytic.some((g) => Math.abs(g) > 1)).toBe(true);
    // The loss is quadratic in w: central differences are exact but for float32 rounding of the loss.
    const atol = (8 * value.dataSync()[0]!) / 2 ** 22;
    expectClose(numeric, analytic, { rtol: 1e-4, atol, why: 'the loss is rounded to 2⁻²⁴, over a step of 2⁻³' });
    tf.dispose(value);
    tf.dispose(grads);
    w.dispose();
    op.dispose();
  });

  it('dropoutRows masks the gradient as it masks the value', () => {
    tf.tidy(() => {
      const x = input();
      const want = new Float32Array(15);
      dropoutRowsInto(x.dataSync<'float32'>(), 5, rowIds, 0.5, key, want);
      expect(Array.from(dropoutRows(x, rowIds, 0.5, key).dataSync())).toEqual(Array.from(want));
      const dy = tf.tensor2d(
        Float32Array.from({ length: 15 }, (_, i) => i + 1),
        [3, 5],
      );
      dropoutRowsInto(dy.dataSync<'float32'>(), 5, rowIds, 0.5, key, want);
      const dx = tf.grad((x) => dropoutRows(x as tf.Tensor2D, rowIds, 0.5, key))(x, dy);
      expect(Array.from(dx.dataSync())).toEqual(Array.from(want));
      const kept = tf.grad((x) => dropoutRows(x as tf.Tensor2D, rowIds, 0, key))(x, dy);
      expect(Array.from(kept.dataSync())).toEqual(Array.from(dy.dataSync()));
    });
  });

  it('leaves no tensor behind, whether inside tidy or not', () => {
    const op = new SparseOperator(csr);
    const x = input();
    const y = spmm(op, x);
    const z = dropoutRows(y, Int32Array.of(0, 1, 2, 3), 0.5, key);
    expect(tf.memory().numTensors).toBe(tensorsBefore + 3);
    const made = input();
    const w = tf.variable(made);
    made.dispose();
    const ids = Int32Array.of(0, 1, 2, 3);
    for (let i = 0; i < 20; i++) {
      const loss = () => tf.sum(dropoutRows(spmm(op, w as tf.Tensor as tf.Tensor2D), ids, 0.2, [i, 0])) as tf.Scalar;
      const { value, grads } = tf.variableGrads(loss);
      tf.dispose(value);
      tf.dispose(grads);
    }
    expect(tf.memory().numTensors).toBe(tensorsBefore + 4);
    tf.dispose([x, y, z]);
    w.dispose();
    op.dispose();
  });

  it('takes empty matrices', () => {
    tf.tidy(() => {
      const op = new SparseOperator({ rows: 0, cols: 3, indptr: Int32Array.of(0), indices: new Int32Array(0) });
      expect(spmm(op, input()).shape).toEqual([0, 5]);
      expect(dropoutRows(tf.zeros([0, 4]), new Int32Array(0), 0.5, key).shape).toEqual([0, 4]);
      const dx = tf.grad((x) => tf.sum(spmm(op, x as tf.Tensor2D)))(input());
      expect(Array.from(dx.dataSync())).toEqual(new Array(15).fill(0));
      op.dispose();
    });
  });

  it('refuses tensors of another shape', () => {
    const op = new SparseOperator(csr);
    tf.tidy(() => {
      expect(() => spmm(op, tf.zeros([4, 5]))).toThrow(ShapeError);
      expect(() => spmm(op, tf.zeros([3]) as unknown as tf.Tensor2D)).toThrow(
        /spmm: x must have shape \[3, F\], got \[3\]/,
      );
      expect(() => dropoutRows(tf.zeros([2, 2]), rowIds, 0.5, key)).toThrow(ShapeError);
    });
  });
});
