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
 * here the array always has the type that the label says.
 */
function cast(backend: NativeBackend, x: TensorInfo, dtype: string): TensorInfo | undefined {
  const source = backend.values(x.dataId);
  const isNumeric = source instanceof Float32Array || source instanceof Int32Array || source instanceof Uint8Array;
  if (x.dtype === dtype) return backend.share(x);
  if (!isNumeric) return undefined;
  if (dtype !== 'float32' && dtype !== 'int32') return undefined;
  const { dataId, values } = backend.allocate('Cast', source.length, dtype);
  if (source instanceof Float32Array && values instanceof Int32Array) {
    // A loop: `set` converts each element by a call.
    for (let i = 0; i < source.length; i++) values[i] = source[i]!;
  } else {
    values.set(source);
  }
  return { dataId, shape: x.shape, dtype };
}
