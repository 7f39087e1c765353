/** ArgMax and ArgMin along any axis, without a transpose. As in the cpu backend the first of equals wins, and NaN never does. */
import { util } from '@tensorflow/tfjs-core';
import { areFloat, type NativeKernel, type NativeKernels, sizeOf } from './NativeKernel.js';

export const argReduceKernels: NativeKernels = {
  ArgMax: argReduce('ArgMax', scanMaximum, (value, best) => value > best),
  ArgMin: argReduce('ArgMin', scanMinimum, (value, best) => value < best),
};

type Scan = (x: Float32Array, out: Int32Array, length: number) => void;

function argReduce(kernel: string, scanRows: Scan, isBetter: (value: number, best: number) => boolean): NativeKernel {
  return ({ inputs: { x }, attrs, backend }) => {
    if (!areFloat(backend, x)) return undefined;
    const shape: number[] = x.shape;
    const [axis] = util.parseAxisParam(attrs.axis, shape);
    if (axis === undefined) return undefined;
    const length = shape[axis]!;
    const outShape = shape.filter((_, i) => i !== axis);
    const outer = sizeOf(shape.slice(0, axis));
    const inner = sizeOf(shape.slice(axis + 1));
    const source = backend.floats(x);
    const { dataId, values } = backend.allocate(kernel, outer * inner, 'int32');
    if (inner === 1) {
      scanRows(source, values, length);
    } else {
      values.fill(0);
      const best = new Float32Array(inner);
      for (let o = 0; o < outer && length > 0; o++) {
        const start = o * length * inner;
        best.set(source.subarray(start, start + inner));
        for (let j = 1; j < length; j++) {
          for (let i = 0, at = start + j * inner; i < inner; i++, at++) {
            const value = source[at]!;
            if (isBetter(value, best[i]!)) {
              best[i] = value;
              values[o * inner + i] = j;
            }
          }
        }
      }
    }
    return { dataId, shape: outShape, dtype: 'int32' };
  };
}

function scanMaximum(x: Float32Array, out: Int32Array, length: number): void {
  for (let row = 0, start = 0; row < out.length; row++, start += length) {
    let best = x[start]!;
    let index = 0;
    for (let j = 1; j < length; j++) {
      const value = x[start + j]!;
      if (value > best) {
        best = value;
        index = j;
      }
    }
    out[row] = index;
  }
}

function scanMinimum(x: Float32Array, out: Int32Array, length: number): void {
  for (let row = 0, start = 0; row < out.length; row++, start += length) {
    let best = x[start]!;
    let index = 0;
    for (let j = 1; j < length; j++) {
      const value = x[start + j]!;
      if (value < best) {
        best = value;
        index = j;
      }
    }
    out[row] = index;
  }
}
