/**
 * Complex numbers, which tfjs-wasm lacks: stored as pairs (real, imaginary) in its memory, computed by the cpu backend.
 * Slow, but right; tfjs needs them for Fourier transforms only.
 */
import * as tf from '@tensorflow/tfjs-core';
import { elements, floatsAt, type KernelArgs, replaceKernel, type WasmBackend } from './backend.js';
import { onCpu } from './bridge.js';

/** These share the data of their input, of whatever type. */
const SHARING = new Set(['Identity', 'Reshape']);

type Prototype = Pick<WasmBackend, 'readSync' | 'dataIdMap' | 'wasm'>;

/** Lets the backend read complex tensors back; it can write them already. Idempotent. */
export function readComplex(prototype: object): void {
  const target = prototype as Prototype & { readSync: Read & { readsComplex?: boolean } };
  const stock = target.readSync;
  if (stock.readsComplex) return;
  const read: Read & { readsComplex?: boolean } = function (this: WasmBackend, dataId, start, end) {
    const { dtype, shape, memoryOffset } = this.dataIdMap.get(dataId) as unknown as Stored;
    if (dtype !== 'complex64') return stock.call(this, dataId, start, end);
    return floatsAt(this, memoryOffset, 2 * elements(shape)).slice();
  };
  read.readsComplex = true;
  target.readSync = read;
}

/** Sends every kernel that gets or gives complex numbers to the cpu backend. Called once all kernels are registered. */
export function routeComplex(): void {
  for (const { kernelName } of tf.getKernelsForBackend('wasm')) {
    const onCpuKernel = tf.getKernel(kernelName, 'cpu') as tf.KernelConfig | undefined;
    if (!onCpuKernel || SHARING.has(kernelName)) continue;
    replaceKernel(kernelName, (stock) => (args) => {
      return isComplex(args) ? (onCpu(onCpuKernel.kernelFunc, args) as tf.TensorInfo) : stock(args);
    });
  }
}

interface Stored {
  readonly dtype: tf.DataType;
  readonly shape: number[];
  readonly memoryOffset: number;
}

type Read = (this: WasmBackend, dataId: object, start?: number, end?: number) => tf.BackendValues;

function isComplex({ inputs, attrs }: KernelArgs): boolean {
  if (attrs?.dtype === 'complex64') return true;
  for (const name in inputs) if ((inputs[name] as tf.TensorInfo | undefined)?.dtype === 'complex64') return true;
  return false;
}
