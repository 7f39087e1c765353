// @ts-nocheck
// TEMPORARY stand-in for @strata-ml/kernels and @strata-ml/graph while those are written.
import { philox4x32 } from '@strata-ml/kernels';
import * as tf from '@tensorflow/tfjs-core';

export interface Csr {
  readonly rows: number;
  readonly cols: number;
  readonly indptr: Int32Array;
  readonly indices: Int32Array;
  readonly values?: Float32Array;
}
export interface CsrGraph {
  readonly numVertices: number;
  readonly indptr: Int32Array;
  readonly indices: Int32Array;
  readonly weights?: Float32Array;
}

export class SparseOperator {
  readonly csr: Csr;
  #t: SparseOperator | undefined;
  constructor(csr: Csr) {
    this.csr = csr;
  }
  get rows() {
    return this.csr.rows;
  }
  get cols() {
    return this.csr.cols;
  }
  get nnz() {
    return this.csr.indices.length;
  }
  transposed(): SparseOperator {
    if (this.#t) return this.#t;
    const { rows, cols, indptr, indices, values } = this.csr;
    const tp = new Int32Array(cols + 1);
    for (const c of indices) tp[c + 1]!++;
    for (let i = 0; i < cols; i++) tp[i + 1]! += tp[i]!;
    const at = tp.slice();
    const ti = new Int32Array(indices.length);
    const tv = values ? new Float32Array(indices.length) : undefined;
    for (let r = 0; r < rows; r++)
      for (let e = indptr[r]!; e < indptr[r + 1]!; e++) {
        const p = at[indices[e]!]!++;
        ti[p] = r;
        if (tv) tv[p] = values![e]!;
      }
    this.#t = new SparseOperator({ rows: cols, cols: rows, indptr: tp, indices: ti, ...(tv ? { values: tv } : {}) });
    return this.#t;
  }
  withValues(values: Float32Array): SparseOperator {
    return new SparseOperator({ ...this.csr, values });
  }
  dispose(): void {}
}
export function spmmInto(op: SparseOperator, x: Float32Array, width: number, out: Float32Array): void {
  const { indptr, indices, values, rows } = op.csr;
  for (let r = 0; r < rows; r++) {
    const o = r * width;
    out.fill(0, o, o + width);
    for (let e = indptr[r]!; e < indptr[r + 1]!; e++) {
      const s = indices[e]! * width;
      const w = values ? values[e]! : 1;
      for (let c = 0; c < width; c++) out[o + c]! += w * x[s + c]!;
    }
  }
}
export function spmm(op: SparseOperator, x: tf.Tensor2D): tf.Tensor2D {
  return (tf.customGrad as any)((x: tf.Tensor) => {
    const w = x.shape[1]!;
    const run = (o: SparseOperator, t: tf.Tensor) => {
      const out = new Float32Array(o.rows * w);
      spmmInto(o, readTensor(t), w, out);
      return tf.tensor2d(out, [o.rows, w]);
    };
    return { value: run(op, x), gradFunc: (dy: tf.Tensor) => run(op.transposed(), dy) };
  })(x) as tf.Tensor2D;
}
const words = new Uint32Array(4);
export function dropoutRowsInto(
  x: Float32Array,
  width: number,
  rowIds: Int32Array,
  rate: number,
  key: readonly [number, number],
  out: Float32Array,
): void {
  const limit = rate * 2 ** 32;
  const s = 1 / (1 - rate);
  for (let r = 0; r < rowIds.length; r++)
    for (let c = 0; c < width; c++) {
      if ((c & 3) === 0) philox4x32(words, key[0], key[1], c >> 2, rowIds[r]!);
      out[r * width + c] = words[c & 3]! >= limit ? x[r * width + c]! * s : 0;
    }
}
export function dropoutRows(
  x: tf.Tensor2D,
  rowIds: Int32Array,
  rate: number,
  key: readonly [number, number],
): tf.Tensor2D {
  return (tf.customGrad as any)((x: tf.Tensor) => {
    const run = (t: tf.Tensor) => {
      const out = new Float32Array(t.size);
      dropoutRowsInto(readTensor(t), t.shape[1]!, rowIds, rate, key, out);
      return tf.tensor(out, t.shape);
    };
    return { value: run(x), gradFunc: (dy: tf.Tensor) => run(dy) };
  })(x) as tf.Tensor2D;
}
export function dropoutSparse(
  op: SparseOperator,
  rowIds: Int32Array,
  rate: number,
  key: readonly [number, number],
): SparseOperator {
  const { indptr, indices, values, rows } = op.csr;
  const limit = rate * 2 ** 32;
  const s = 1 / (1 - rate);
  const out = new Float32Array(indices.length);
  for (let r = 0; r < rows; r++)
    for (let e = indptr[r]!; e < indptr[r + 1]!; e++) {
      const c = indices[e]!;
      philox4x32(words, key[0], key[1], c >> 2, rowIds[r]!);
      out[e] = words[c & 3]! >= limit ? (values ? values[e]! : 1) * s : 0;
    }
  return op.withValues(out);
}
export function adamStep(
  p: Float32Array,
  g: Float32Array,
  m: Float32Array,
  v: Float32Array,
  o: {
    step: number;
    lr: number;
    beta1?: number;
    beta2?: number;
    epsilon?: number;
    weightDecay?: number;
    decoupled?: boolean;
  },
): void {
  const { step, lr, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0, decoupled = false } = o;
  const c1 = 1 - beta1 ** step;
  const c2 = Math.sqrt(1 - beta2 ** step);
  for (let i = 0; i < p.length; i++) {
    let d = g[i]!;
    if (decoupled) p[i]! *= 1 - lr * weightDecay;
    else d += weightDecay * p[i]!;
    m[i] = beta1 * m[i]! + (1 - beta1) * d;
    v[i] = beta2 * v[i]! + (1 - beta2) * d * d;
    p[i]! -= ((lr / c1) * m[i]!) / (Math.sqrt(v[i]!) / c2 + epsilon);
  }
}
export function sgdStep(
  p: Float32Array,
  g: Float32Array,
  buf: Float32Array | null,
  o: { lr: number; momentum: number; weightDecay: number },
): void {
  for (let i = 0; i < p.length; i++) {
    let d = g[i]! + o.weightDecay * p[i]!;
    if (buf) {
      buf[i] = o.momentum * buf[i]! + d;
      d = buf[i]!;
    }
    p[i]! -= o.lr * d;
  }
}
export function tensorFrom(shape: readonly number[], fill: (data: Float32Array) => void): tf.Tensor {
  const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
  fill(data);
  return tf.tensor(data, [...shape]);
}
export function readTensor(t: tf.Tensor): Float32Array {
  return t.dataSync() as Float32Array;
}
