/** Kernels of bool tensors: LogicalAnd, LogicalOr, LogicalNot, Any, All. */
import { backend_util, type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { NativeBackend } from '../NativeBackend.js';
import { type NativeKernel, type NativeKernels, sizeOf } from './NativeKernel.js';
import { withScratch } from './scratch.js';

export const logicalKernels: NativeKernels = {
  LogicalAnd: logical('LogicalAnd', 'and'),
  LogicalOr: logical('LogicalOr', 'or'),
  LogicalNot({ inputs: { x }, backend }) {
    const source = bytes(backend, x);
    if (!source) return undefined;
    const from = backend.address(x.dataId);
    const { dataId, values } = backend.allocate('LogicalNot', source.length, 'bool');
    withScratch(backend.arena, 'LogicalNot', (scratch) => {
      const ones = scratch.take(source.length);
      new Uint8Array(backend.arena.memory.buffer, ones, source.length).fill(1);
      backend.simd.truth.xor(from, ones, values.byteOffset, Math.ceil(source.length / 16));
    });
    return { dataId, shape: x.shape, dtype: 'bool' };
  },
  Any: rowTest('Any', 1),
  All: rowTest('All', 0),
};

function bytes(backend: NativeBackend, info: TensorInfo): Uint8Array | undefined {
  const values = backend.values(info.dataId);
  return info.dtype === 'bool' && values instanceof Uint8Array ? values : undefined;
}

function logical(kernel: string, operator: 'and' | 'or'): NativeKernel {
  return ({ inputs: { a, b }, backend }) => {
    const [x, y] = [bytes(backend, a), bytes(backend, b)];
    if (!x || !y || !util.arraysEqual(a.shape, b.shape)) return undefined;
    const [left, right] = [backend.address(a.dataId), backend.address(b.dataId)];
    const { dataId, values } = backend.allocate(kernel, x.length, 'bool');
    backend.simd.truth[operator](left, right, values.byteOffset, Math.ceil(x.length / 16));
    return { dataId, shape: a.shape, dtype: 'bool' };
  };
}

/** Whether a row, the last dimensions together, holds the decisive value: then that is the answer, else its opposite. */
function rowTest(kernel: string, decisive: 0 | 1): NativeKernel {
  return ({ inputs: { x }, attrs: { axis, keepDims }, backend }) => {
    const source = bytes(backend, x);
    const axes = util.parseAxisParam(axis, x.shape);
    if (!source || !backend_util.axesAreInnerMostDims(axes, x.shape.length)) return undefined;
    const [keptShape, reducedShape] = backend_util.computeOutAndReduceShapes(x.shape, axes);
    const shape = keepDims ? backend_util.expandShapeToKeepDim(keptShape, axes) : keptShape;
    const columns = sizeOf(reducedShape);
    const { dataId, values } = backend.allocate(kernel, sizeOf(keptShape), 'bool');
    for (let row = 0, start = 0; row < values.length; row++, start += columns) {
      let i = 0;
      while (i < columns && Number(source[start + i] !== 0) !== decisive) i++;
      values[row] = i < columns ? decisive : 1 - decisive;
    }
    return { dataId, shape, dtype: 'bool' };
  };
}
