/** Reverse: along one axis after the other, rows copied from the last to the first. */
import { type TensorInfo, util } from '@tensorflow/tfjs-core';
import { fourByteType, type NativeKernels, sizeOf } from './NativeKernel.js';

export const reverseKernels: NativeKernels = {
  Reverse({ inputs: { x }, attrs: { dims }, backend }) {
    const dtype = fourByteType(backend, x);
    const shape: number[] = x.shape;
    const axes = util.parseAxisParam(dims, shape).filter((axis) => shape[axis]! > 1);
    if (!dtype || sizeOf(shape) === 0 || axes.length === 0) return undefined;
    let from = backend.address(x.dataId);
    let last: TensorInfo['dataId'] | undefined;
    for (const axis of axes) {
      const { dataId, values } = backend.allocate('Reverse', sizeOf(shape), dtype);
      const bytes = sizeOf(shape.slice(axis + 1)) * 4;
      const length = shape[axis]!;
      for (let block = 0; block < values.byteLength; block += length * bytes) {
        const end = from + block + (length - 1) * bytes;
        backend.simd.copyRows(end, values.byteOffset + block, length, bytes, -bytes, bytes);
      }
      if (last !== undefined) backend.disposeData(last);
      last = dataId;
      from = values.byteOffset;
    }
    return { dataId: last!, shape, dtype };
  },
};
