/**
 * Counts and limits the bytes of a tfjs backend's tensors, for the engines that have no arena of their own (wasm, cpu,
 * tensorflow). Counts each buffer once, when the backend registers it, kernels' intermediates included.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { MemoryAccount } from '../device/Device.js';
import { OutOfDeviceMemoryError } from '../errors.js';

type Shape = readonly number[];
interface Info {
  readonly dataId: object;
  readonly shape: number[];
  readonly dtype: tf.DataType;
}

/** The hooks every tfjs backend has, and those of the wasm and tensorflow backends by which kernels register outputs. */
interface BackendHooks {
  write(values: unknown, shape: number[], dtype: tf.DataType): object;
  move(dataId: object, values: unknown, shape: number[], dtype: tf.DataType, refCount: number): void;
  disposeData(dataId: object, force?: boolean): boolean;
  makeOutput?(shape: number[], dtype: tf.DataType, memoryOffset?: number, values?: unknown): Info;
  createOutputTensor?(metadata: unknown): Info;
}

/** A {@link MemoryAccount} that can be taken off its backend again. */
export interface BackendAccount extends MemoryAccount {
  /** Stops counting and limiting. */
  detach(): void;
}

/**
 * Attaches an account to a backend. Buffers that existed before are not counted.
 *
 * Throws {@link OutOfDeviceMemoryError} from the op that would exceed the budget, before it allocates; TensorFlow's ops
 * allocate their outputs first.
 */
export function attachAccount(backend: tf.KernelBackend, budgetBytes = Number.POSITIVE_INFINITY): BackendAccount {
  const hooks = backend as unknown as BackendHooks;
  const engine = tf.engine();
  const bytesOf = new Map<object, number>();
  let currentBytes = 0;
  let peakBytes = 0;
  let largest: { op: string; bytes: number } | undefined;
  let op = 'tensor';

  const check = (shape: Shape, dtype: tf.DataType): void => {
    const bytes = sizeOf(shape, dtype);
    if (currentBytes + bytes <= budgetBytes) return;
    const freeBytes = budgetBytes - currentBytes;
    throw new OutOfDeviceMemoryError({
      op,
      askedBytes: bytes,
      freeBytes,
      budgetBytes,
      largestFreeBytes: freeBytes,
    });
  };
  const add = (dataId: object, shape: Shape, dtype: tf.DataType): void => {
    if (bytesOf.has(dataId)) return;
    const bytes = sizeOf(shape, dtype);
    bytesOf.set(dataId, bytes);
    currentBytes += bytes;
    if (currentBytes > peakBytes) peakBytes = currentBytes;
    if (bytes > (largest?.bytes ?? 0)) largest = { op, bytes };
  };

  const detachers = [
    wrap(hooks, 'write', (original) => (values, shape, dtype) => {
      check(shape, dtype);
      const dataId = original(values, shape, dtype);
      add(dataId, shape, dtype);
      return dataId;
    }),
    wrap(hooks, 'move', (original) => (dataId, values, shape, dtype, refCount) => {
      if (!bytesOf.has(dataId)) check(shape, dtype);
      original(dataId, values, shape, dtype, refCount);
      add(dataId, shape, dtype);
    }),
    wrap(hooks, 'disposeData', (original) => (dataId, force) => {
      const isGone = original(dataId, force);
      if (isGone) {
        currentBytes -= bytesOf.get(dataId) ?? 0;
        bytesOf.delete(dataId);
      }
      return isGone;
    }),
    wrap(hooks, 'makeOutput', (original) => (shape, dtype, memoryOffset, values) => {
      const info = original(shape, dtype, memoryOffset, values);
      add(info.dataId, info.shape, info.dtype);
      return info;
    }),
    wrap(hooks, 'createOutputTensor', (original) => (metadata) => {
      const output = original(metadata);
      // TensorFlow has allocated it by now; as the op fails, the scope it runs in disposes of it.
      check(output.shape, output.dtype);
      add(output.dataId, output.shape, output.dtype);
      return output;
    }),
    wrap(engine as unknown as KernelRunner, 'runKernel', (original) => (kernelName, inputs, attrs) => {
      const outer = op;
      op = kernelName;
      try {
        return original(kernelName, inputs, attrs);
      } finally {
        op = outer;
      }
    }),
  ];

  return {
    get currentBytes() {
      return currentBytes;
    },
    get peakBytes() {
      return peakBytes;
    },
    budgetBytes,
    get largest() {
      return largest ?? { op: 'none', bytes: 0 };
    },
    resetPeak() {
      peakBytes = currentBytes;
      largest = undefined;
    },
    detach() {
      for (const detach of detachers) detach();
    },
  };
}

interface KernelRunner {
  runKernel(kernelName: string, inputs: unknown, attrs?: unknown): unknown;
}

function sizeOf(shape: Shape, dtype: tf.DataType): number {
  // Strings live outside device memory; a complex tensor's parts are counted as tensors of their own.
  if (dtype === 'string' || dtype === 'complex64') return 0;
  let elements = 1;
  for (const n of shape) elements *= n;
  return elements * (dtype === 'bool' ? 1 : 4);
}

/** Shadows a method on the object itself; the returned function uncovers the class's own method again. */
function wrap<O extends object, K extends keyof O>(
  target: O,
  key: K,
  around: (original: NonNullable<O[K]>) => NonNullable<O[K]>,
): () => void {
  const original = target[key];
  if (typeof original !== 'function') return () => {};
  target[key] = around(original.bind(target) as NonNullable<O[K]>);
  return () => {
    target[key] = original;
  };
}
