/** Kernels that make or choose values: Cast, Fill, ZerosLike, OnesLike, Select. */
import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { NativeBackend } from '../NativeBackend.js';
import { areFloat, type NativeKernels, sizeOf } from './NativeKernel.js';

export const valueKernels: NativeKernels = {
  Cast: ({ inputs: { x }, attrs: { dtype }, backend }) => cast(backend, x, dtype),

  Fill({ attrs: { shape, value, dtype }, backend }) {
    // tfjs infers float32 for numbers.
    if (typeof value !== 'number' || (dtype !== undefined && dtype !== 'float32')) return undefined;
    return filled(backend, 'Fill', shape, value);
  },

  ZerosLike: ({ inputs: { x }, backend }) =>
    x.dtype === 'float32' ? filled(backend, 'ZerosLike', x.shape, 0) : undefined,

  OnesLike: ({ inputs: { x }, backend }) =>
    x.dtype === 'float32' ? filled(backend, 'OnesLike', x.shape, 1) : undefined,

  Select({ inputs: { condition, t, e }, backend }) {
    const size = sizeOf(t.shape);
    const isElementwise = condition.dtype === 'bool' && sizeOf(condition.shape) === size && sizeOf(e.shape) === size;
    if (!isElementwise || condition.shape.length !== t.shape.length || !areFloat(backend, t, e)) return undefined;
    if (!(backend.values(condition.dataId) instanceof Uint8Array)) return undefined;
    const mask = backend.address(condition.dataId);
    const yes = backend.operand(t, 0);
    const no = backend.operand(e, 1);
    const { dataId, values } = backend.allocate('Select', size, 'float32');
    backend.simd.select(mask, yes, no, values.byteOffset, size);
    return { dataId, shape: t.shape, dtype: 'float32' };
  },
};

function filled(backend: NativeBackend, kernel: string, shape: number[], value: number): TensorInfo {
  const { dataId, values } = backend.allocate(kernel, sizeOf(shape), 'float32');
  values.fill(value);
  return { dataId, shape, dtype: 'float32' };
}

/**
 * Numbers into another type. The cpu backend only relabels bool and int32 as float32, with the old array underneath;
 * here the array always has the type that the label says. Numbers that no int32 holds become the nearest one, NaN 0.
 */
function cast(backend: NativeBackend, x: TensorInfo, dtype: string): TensorInfo | undefined {
  if (x.dtype === dtype) return backend.share(x);
  const source = backend.values(x.dataId);
  const isNumeric = source instanceof Float32Array || source instanceof Int32Array || source instanceof Uint8Array;
  if (!isNumeric || (dtype !== 'float32' && dtype !== 'int32' && dtype !== 'bool')) return undefined;
  const size = source.length;
  const from = backend.address(x.dataId);
  const { dataId, values } = backend.allocate('Cast', size, dtype);
  const to = values.byteOffset;
  const { unary, rows } = backend.simd;
  if (source instanceof Uint8Array) {
    values.set(source);
  } else if (dtype === 'bool') {
    const differs = source instanceof Float32Array ? rows.notEqual : rows.notEqualInt;
    // The bits of the number 0 are those of the integer 0.
    if (size > 0) differs.scalarB(from, backend.constant(1, 0), to, 1, size, 0, 0, 0);
  } else if (source instanceof Float32Array === (dtype === 'float32')) {
    backend.simd.copyRows(from, to, 1, size * 4, 0, 0);
  } else {
    unary[dtype === 'int32' ? 'toInt' : 'toFloat'](from, to, size, 0, 0);
  }
  return { dataId, shape: x.shape, dtype };
}
