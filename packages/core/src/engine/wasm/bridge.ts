/** Kernels that tfjs-wasm lacks, computed by the cpu backend: inputs are copied out, results copied in. Slow, but right. */
import * as tf from '@tensorflow/tfjs-core';
import type { KernelArgs, WasmBackend } from './backend.js';

/** Registers every kernel that the cpu backend has and the wasm backend has not. Complex numbers stay unsupported. */
export function bridgeMissingKernels(): void {
  for (const kernelName of WRONG) tf.unregisterKernel(kernelName, 'wasm');
  const have = new Set(tf.getKernelsForBackend('wasm').map((k) => k.kernelName));
  for (const { kernelName, kernelFunc } of tf.getKernelsForBackend('cpu')) {
    if (have.has(kernelName) || COMPLEX.has(kernelName)) continue;
    tf.registerKernel({
      kernelName,
      backendName: 'wasm',
      kernelFunc: ((args: KernelArgs) => onCpu(kernelFunc, args)) as unknown as tf.KernelFunc,
    });
  }
}

/** In tfjs-wasm 4.22 the gradient of max pooling misses some windows; the cpu kernel's does not. */
const WRONG = ['MaxPoolGrad'];

/** The wasm backend stores no complex64. */
const COMPLEX = new Set(['Complex', 'ComplexAbs', 'FFT', 'IFFT', 'Imag', 'Real']);

function onCpu(kernel: tf.KernelFunc, { inputs, backend, attrs }: KernelArgs): tf.TensorInfo | tf.TensorInfo[] {
  const cpu = tf.findBackend('cpu') as WasmBackend & { firstUse?: boolean };
  cpu.firstUse = false;
  const copied: object[] = [];
  const into = (t: tf.TensorInfo): tf.TensorInfo => {
    const dataId = cpu.write(backend.readSync(t.dataId) as tf.BackendValues, t.shape, t.dtype);
    copied.push(dataId);
    return { dataId, shape: t.shape, dtype: t.dtype };
  };
  try {
    const cpuInputs = Object.fromEntries(
      // An einsum has its operands as a list, others by name; absent optional inputs stay absent.
      Object.entries(inputs).map(([name, t]) => [name, t && into(t)]),
    );
    const result = kernel({
      inputs: cpuInputs as tf.NamedTensorInfoMap,
      backend: cpu,
      attrs: attrs as tf.NamedAttrMap,
    });
    const back = (t: tf.TensorInfo): tf.TensorInfo => {
      copied.push(t.dataId);
      const dataId = backend.write(cpu.readSync(t.dataId) as tf.BackendValues, t.shape, t.dtype);
      return { dataId, shape: t.shape, dtype: t.dtype };
    };
    return Array.isArray(result) ? result.map(back) : back(result);
  } finally {
    for (const dataId of new Set(copied)) cpu.disposeData(dataId, true);
  }
}
