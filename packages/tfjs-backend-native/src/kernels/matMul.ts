/** Matrix products, with ONNX Runtime's packed and blocked kernels; all transposed forms without a transpose. */
import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { Allocated, NativeBackend } from '../NativeBackend.js';
import type { OnnxGraph } from '../ort/onnxModel.js';
import { areFloat, type NativeKernels, sizeOf } from './NativeKernel.js';

/** Up to so many multiplications a plain loop is faster than a call into ONNX Runtime. Measured: `scripts/thresholds.mjs`. */
const SMALL_PRODUCT = 1280;

export const matMulKernels: NativeKernels = {
  BatchMatMul({ inputs: { a, b }, attrs: { transposeA, transposeB }, backend }) {
    if (!areFloat(backend, a, b)) return undefined;
    return product(backend, 'BatchMatMul', a, b, Boolean(transposeA), Boolean(transposeB)).info;
  },
};

/** A product and the array that holds it. */
export interface Product {
  readonly info: TensorInfo;
  readonly values: Float32Array;
}

/** `a · b` over the last two dimensions, the leading ones broadcast. */
export function product(
  backend: NativeBackend,
  op: string,
  a: TensorInfo,
  b: TensorInfo,
  transposeA: boolean,
  transposeB: boolean,
): Product {
  const rankA = a.shape.length;
  const rankB = b.shape.length;
  const rows = a.shape[transposeA ? rankA - 1 : rankA - 2]!;
  const inner = a.shape[transposeA ? rankA - 2 : rankA - 1]!;
  const innerB = b.shape[transposeB ? rankB - 1 : rankB - 2]!;
  const columns = b.shape[transposeB ? rankB - 2 : rankB - 1]!;
  if (inner !== innerB) {
    // The wording of the cpu backend, which tfjs's own tests look for.
    throw new Error(
      `Error in matMul: inner shapes (${inner}) and (${innerB}) of Tensors with shapes ${a.shape} and ${b.shape} ` +
        `and transposeA=${transposeA} and transposeB=${transposeB} must match.`,
    );
  }
  const batch = broadcastBatch(a.shape, b.shape);
  const shape = [...batch, rows, columns];
  const size = sizeOf(shape);
  const out: Allocated<Float32Array> = backend.allocate(op, size, 'float32');
  const info: TensorInfo = { dataId: out.dataId, shape, dtype: 'float32' };
  const x = backend.floats(a);
  const y = backend.floats(b);
  const isPlain = sizeOf(batch) === 1;
  if (size === 0 || inner === 0) {
    out.values.fill(0);
  } else if (isPlain && size * inner <= SMALL_PRODUCT) {
    smallProduct(x, y, out.values, rows, inner, columns, transposeA, transposeB);
  } else if (isPlain) {
    gemm(
      backend,
      backend.address(a.dataId),
      backend.address(b.dataId),
      out.values.byteOffset,
      rows,
      inner,
      columns,
      transposeA,
      transposeB,
    );
  } else {
    const key = `FusedMatMul ${transposeA} ${transposeB}`;
    backend.operators
      .get(key, () => batchedGraph(transposeA, transposeB), true)
      .input(0, backend.address(a.dataId), a.shape)
      .input(1, backend.address(b.dataId), b.shape)
      .run(out.values.byteOffset, shape);
  }
  return { info, values: out.values };
}

/** One product of matrices at addresses in the arena; all extents positive. */
export function gemm(
  backend: NativeBackend,
  x: number,
  y: number,
  out: number,
  rows: number,
  inner: number,
  columns: number,
  transposeA: boolean,
  transposeB: boolean,
): void {
  backend.operators
    .get(`Gemm ${transposeA} ${transposeB}`, () => gemmGraph(transposeA, transposeB), true)
    .input(0, x, transposeA ? [inner, rows] : [rows, inner])
    .input(1, y, transposeB ? [columns, inner] : [inner, columns])
    .run(out, [rows, columns]);
}

const gemmGraph = (transposeA: boolean, transposeB: boolean): OnnxGraph => ({
  inputs: { a: 'float32', b: 'float32' },
  outputs: { y: 'float32' },
  nodes: [
    {
      op: 'Gemm',
      inputs: ['a', 'b'],
      outputs: ['y'],
      attributes: { transA: Number(transposeA), transB: Number(transposeB) },
    },
  ],
});

const batchedGraph = (transposeA: boolean, transposeB: boolean): OnnxGraph => ({
  inputs: { a: 'float32', b: 'float32' },
  outputs: { y: 'float32' },
  nodes: [
    {
      op: 'FusedMatMul',
      domain: 'com.microsoft',
      inputs: ['a', 'b'],
      outputs: ['y'],
      attributes: { transA: Number(transposeA), transB: Number(transposeB) },
    },
  ],
});

function broadcastBatch(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length) - 2;
  const batch: number[] = [];
  for (let i = 0; i < rank; i++) {
    const dimA = a[a.length - 2 - rank + i] ?? 1;
    const dimB = b[b.length - 2 - rank + i] ?? 1;
    if (dimA !== dimB && dimA !== 1 && dimB !== 1) {
      throw Error(`Operands could not be broadcast together with shapes ${a.slice(0, -2)} and ${b.slice(0, -2)}.`);
    }
    batch.push(dimA === 1 ? dimB : dimA);
  }
  return batch;
}

function smallProduct(
  x: Float32Array,
  y: Float32Array,
  out: Float32Array,
  rows: number,
  inner: number,
  columns: number,
  transposeA: boolean,
  transposeB: boolean,
): void {
  const rowStep = transposeA ? 1 : inner;
  const innerStepX = transposeA ? rows : 1;
  const innerStepY = transposeB ? 1 : columns;
  const columnStep = transposeB ? inner : 1;
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      let sum = 0;
      for (let k = 0; k < inner; k++) sum += x[i * rowStep + k * innerStepX]! * y[k * innerStepY + j * columnStep]!;
      out[i * columns + j] = sum;
    }
  }
}
