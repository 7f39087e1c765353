/** What a native kernel is: a function that computes a tfjs kernel, or declines. */
import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { NativeBackend } from '../NativeBackend.js';

/** Arguments of a kernel. Attribute types are what tfjs-core defines for that kernel. */
export interface NativeKernelArgs {
  // biome-ignore lint/suspicious/noExplicitAny: each kernel destructures the inputs that tfjs-core names for it
  readonly inputs: any;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly attrs: any;
  readonly backend: NativeBackend;
}

/** Computes the kernel, or answers undefined: the inherited kernel then runs (dtypes or forms that are not worth it). */
export type NativeKernel = (args: NativeKernelArgs) => TensorInfo | TensorInfo[] | undefined;

/** Native kernels by the name of the tfjs kernel. */
export type NativeKernels = Readonly<Record<string, NativeKernel>>;

/**
 * Whether all of these are float32 tensors with float32 arrays.
 *
 * The cpu backend "casts" bool and int32 to float32 by changing the label only, so the label is not enough.
 */
export function areFloat(backend: NativeBackend, ...infos: readonly TensorInfo[]): boolean {
  for (const info of infos) {
    if (info.dtype !== 'float32' || !(backend.values(info.dataId) instanceof Float32Array)) return false;
  }
  return true;
}

/** The common type of tensors of 4-byte elements whose arrays are what their labels say; undefined for any others. */
export function fourByteType(backend: NativeBackend, ...infos: readonly TensorInfo[]): 'float32' | 'int32' | undefined {
  const { dtype } = infos[0]!;
  if (dtype !== 'float32' && dtype !== 'int32') return undefined;
  for (const info of infos) {
    const values = backend.values(info.dataId);
    const isAsLabelled = dtype === 'float32' ? values instanceof Float32Array : values instanceof Int32Array;
    if (info.dtype !== dtype || !isAsLabelled) return undefined;
  }
  return dtype;
}

/** Number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  let size = 1;
  for (const dim of shape) size *= dim;
  return size;
}
