/** Kernels that tfjs-wasm lacks, computed by the cpu backend: inputs are copied out, results copied in. Slow, but right. */
import * as tf from '@tensorflow/tfjs-core';
import type { KernelArgs, WasmBackend } from './backend.js';

/** Registers every kernel that the cpu backend has and the wasm backend has not. */
export function bridgeMissingKernels(): void {
  const have = new Set(tf.getKernelsForBackend('wasm').map((k) => k.kernelName));
  for (const { kernelName, kernelFunc } of tf.getKernelsForBackend('cpu')) {
    if (have.has(kernelName)) continue;
    tf.registerKernel({
      kernelName,
      backendName: 'wasm',
      kernelFunc: ((args: KernelArgs) => onCpu(kernelFunc, args)) as unknown as tf.KernelFunc,
    });
  }
}

/** Runs a kernel of the cpu backend on tensors of this one: inputs are copied out, results copied in. */
export function onCpu(kernel: tf.KernelFunc, { inputs, backend, attrs }: KernelArgs): tf.TensorInfo | tf.TensorInfo[] {
  const cpu = tf.findBackend('cpu') as WasmBackend & { firstUse?: boolean };
  cpu.firstUse = false;
  const copied: object[] = [];
  const into = (t: tf.TensorInfo): tf.TensorInfo => {
    const values = backend.readSync(t.dataId) as tf.BackendValues;
    const info =
      t.dtype === 'complex64'
        ? complexOnCpu(cpu, values as Float32Array, t.shape)
        : { dataId: cpu.write(values, t.shape, t.dtype), shape: t.shape, dtype: t.dtype };
    copied.push(info.dataId);
    return info;
  };
  try {
    const result = kernel({
      inputs: mapTensors(inputs, into) as tf.NamedTensorInfoMap,
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

/** A complex tensor of the cpu backend, from pairs. */
function complexOnCpu(cpu: WasmBackend, pairs: Float32Array, shape: number[]): tf.TensorInfo {
  const parts = tf.backend_util.splitRealAndImagArrays(pairs);
  const [real, imag] = [parts.real, parts.imag].map((values) => ({
    dataId: cpu.write(values, shape, 'float32'),
    shape,
    dtype: 'float32' as const,
  })) as [tf.TensorInfo, tf.TensorInfo];
  const whole = tf.getKernel('Complex', 'cpu').kernelFunc({ inputs: { real, imag }, backend: cpu }) as tf.TensorInfo;
  for (const part of [real, imag]) cpu.disposeData(part.dataId, true);
  return whole;
}

type Tensors = tf.TensorInfo | undefined | readonly Tensors[] | { readonly [name: string]: Tensors };

/** Inputs come by name; an einsum has a list, ragged ops have lists under names; absent optional ones stay absent. */
function mapTensors(tensors: Tensors, into: (t: tf.TensorInfo) => tf.TensorInfo): Tensors {
  if (tensors === undefined || tensors === null) return tensors;
  if (Array.isArray(tensors)) return tensors.map((t: Tensors) => mapTensors(t, into));
  if ('dataId' in tensors) return into(tensors as tf.TensorInfo);
  return Object.fromEntries(Object.entries(tensors).map(([name, t]) => [name, mapTensors(t as Tensors, into)]));
}
