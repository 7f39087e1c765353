/** StridedSlice: rows copied whole where the last stride is 1, element by element where it is not. */
import { slice_util } from '@tensorflow/tfjs-core';
import { fourByteType, type NativeKernels, sizeOf } from './NativeKernel.js';

export const stridedSliceKernels: NativeKernels = {
  StridedSlice({ inputs: { x }, attrs, backend }) {
    const dtype = fourByteType(backend, x);
    if (!dtype) return undefined;
    const { finalShapeSparse, finalShape, isIdentity, begin, strides } = slice_util.sliceInfo(
      x.shape,
      attrs.begin,
      attrs.end,
      attrs.strides,
      attrs.beginMask,
      attrs.endMask,
      attrs.ellipsisMask,
      attrs.newAxisMask,
      attrs.shrinkAxisMask,
    );
    if (isIdentity) return backend.share(x, finalShape);
    const shape: readonly number[] = finalShapeSparse;
    // Scalars, empty results and forms that the check below does not know are left to the inherited kernel.
    if (shape.length === 0 || shape.length !== x.shape.length || sizeOf(shape) === 0) return undefined;
    if (sizeOf(shape) !== sizeOf(finalShape)) return undefined;
    const source = backend.address(x.dataId);
    const { dataId, values } = backend.allocate('StridedSlice', sizeOf(shape), dtype);
    const last = shape.length - 1;
    const steps = shape.map((_, i) => strides[i]! * sizeOf(x.shape.slice(i + 1)) * 4);
    const run = shape[last]!;
    const isWhole = steps[last] === 4;
    const rowsAxis = isWhole ? last - 1 : last;
    const bytes = isWhole ? run * 4 : 4;
    const { copyRows } = backend.simd;
    let to = values.byteOffset;
    const visit = (axis: number, from: number): void => {
      if (axis < rowsAxis) {
        for (let i = 0; i < shape[axis]!; i++) visit(axis + 1, from + i * steps[axis]!);
        return;
      }
      const rows = rowsAxis < 0 ? 1 : shape[rowsAxis]!;
      copyRows(from, to, rows, bytes, rowsAxis < 0 ? 0 : steps[rowsAxis]!, bytes);
      to += rows * bytes;
    };
    const first = begin.reduce((offset, index, i) => offset + index * sizeOf(x.shape.slice(i + 1)), 0);
    visit(0, source + first * 4);
    return { dataId, shape: finalShape, dtype };
  },
};
