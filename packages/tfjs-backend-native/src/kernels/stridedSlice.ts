/** StridedSlice: rows copied whole where the last stride is 1, element by element where it is not. */
import { slice_util } from '@tensorflow/tfjs-core';
import { copyRun } from './copyBlock.js';
import { areFloat, type NativeKernels, sizeOf } from './NativeKernel.js';

export const stridedSliceKernels: NativeKernels = {
  StridedSlice({ inputs: { x }, attrs, backend }) {
    if (!areFloat(backend, x)) return undefined;
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
    const source = backend.floats(x);
    const { dataId, values } = backend.allocate('StridedSlice', sizeOf(shape), 'float32');
    const last = shape.length - 1;
    const steps = shape.map((_, i) => strides[i]! * sizeOf(x.shape.slice(i + 1)));
    const run = shape[last]!;
    const step = steps[last]!;
    let to = 0;
    const visit = (axis: number, from: number): void => {
      if (axis < last) {
        for (let i = 0; i < shape[axis]!; i++) visit(axis + 1, from + i * steps[axis]!);
        return;
      }
      if (step === 1) copyRun(source, from, values, to, run);
      else for (let i = 0, at = from; i < run; i++, at += step) values[to + i] = source[at]!;
      to += run;
    };
    visit(
      0,
      begin.reduce((offset, first, i) => offset + first * sizeOf(x.shape.slice(i + 1)), 0),
    );
    return { dataId, shape: finalShape, dtype: 'float32' };
  },
};
