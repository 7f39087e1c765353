/** What the replaced kernels need of tfjs-backend-wasm: its heap, its tensors' addresses, its table of tensors. */
import * as tf from '@tensorflow/tfjs-core';

/** The Emscripten module. `HEAPU8` changes when the memory grows, so views are made anew for each use. */
export interface WasmModule {
  readonly HEAPU8: Uint8Array;
  /** Returns 0 when the memory is used up. */
  _malloc: (bytes: number) => number;
  _free(address: number): void;
  cwrap(name: string, returns: string | null, parameters: readonly string[]): (...args: unknown[]) => unknown;
  readonly tfjs: {
    registerTensor(id: number, size: number, address: number): void;
    disposeData(id: number): void;
  };
}

/** The backend, as far as it is used here. */
export interface WasmBackend extends tf.KernelBackend {
  readonly wasm: WasmModule;
  dataIdNextNumber: number;
  readonly dataIdMap: tf.DataStorage<{ readonly id: number; readonly memoryOffset: number }>;
  makeOutput(shape: number[], dtype: tf.DataType): tf.TensorInfo;
}

/** Arguments of a kernel. */
export interface KernelArgs<A = Record<string, unknown>> {
  readonly inputs: Readonly<Record<string, tf.TensorInfo>>;
  readonly backend: WasmBackend;
  /** Undefined for kernels that have none. */
  readonly attrs: A;
}

/** Elements of a shape. */
export function elements(shape: readonly number[]): number {
  let n = 1;
  for (const d of shape) n *= d;
  return n;
}

/** Address of a tensor's first byte. */
export function addressOf(backend: WasmBackend, t: tf.TensorInfo): number {
  return backend.dataIdMap.get(t.dataId).memoryOffset;
}

/** float32 view of `length` elements at an address; valid until the next allocation. */
export function floatsAt(backend: WasmBackend, address: number, length: number): Float32Array {
  return new Float32Array(backend.wasm.HEAPU8.buffer, address, length);
}

/** A tensor's elements in place; valid until the next allocation. */
export function floatsOf(backend: WasmBackend, t: tf.TensorInfo): Float32Array {
  return floatsAt(backend, addressOf(backend, t), elements(t.shape));
}

/** A tensor's 32-bit elements in place, for moves that do not look at the type; valid until the next allocation. */
export function wordsOf(backend: WasmBackend, t: tf.TensorInfo): Int32Array {
  return new Int32Array(backend.wasm.HEAPU8.buffer, addressOf(backend, t), elements(t.shape));
}

/** A kernel of the backend under its stock implementation, which stays the fallback for what is not sped up. */
export type StockKernel = (args: KernelArgs) => tf.TensorInfo;

/**
 * Replaces one kernel of the wasm backend. The stock kernel's set-up still runs when the backend starts.
 *
 * @param make - given the stock kernel (which throws if there is none), returns the replacement
 */
export function replaceKernel(kernelName: string, make: (stock: StockKernel) => StockKernel): void {
  const old = tf.getKernel(kernelName, 'wasm') as tf.KernelConfig | undefined;
  if (old) tf.unregisterKernel(kernelName, 'wasm');
  const stock = old
    ? (old.kernelFunc as unknown as StockKernel)
    : (): tf.TensorInfo => {
        throw new Error(`${kernelName}: the wasm engine supports float32 and int32 only`);
      };
  tf.registerKernel({
    kernelName,
    backendName: 'wasm',
    kernelFunc: make(stock) as unknown as tf.KernelFunc,
    ...(old?.setupFunc ? { setupFunc: old.setupFunc } : {}),
  });
}
