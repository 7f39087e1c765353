/** Softmax over the last dimension. */
import type { OnnxGraph } from '../ort/onnxModel.js';
import { areFloat, type NativeKernels } from './NativeKernel.js';

/** Below this many elements a plain loop beats a call into ONNX Runtime. Measured: `scripts/thresholds.mjs`. */
const SMALL = 320;

export const softmaxKernels: NativeKernels = {
  Softmax({ inputs: { logits }, attrs: { dim }, backend }) {
    const rank = logits.shape.length;
    if (!areFloat(backend, logits) || rank === 0 || (dim !== -1 && dim !== rank - 1)) return undefined;
    const x = backend.floats(logits);
    const columns = logits.shape[rank - 1]!;
    const { dataId, values } = backend.allocate('Softmax', x.length, 'float32');
    if (x.length < SMALL) {
      for (let start = 0; start < x.length; start += columns) softmaxRow(x, values, start, start + columns);
    } else {
      const dims = [x.length / columns, columns];
      backend.operators
        .get('Softmax', () => SOFTMAX)
        .input(0, backend.address(logits.dataId), dims)
        .run(values.byteOffset, dims);
    }
    return { dataId, shape: logits.shape, dtype: 'float32' };
  },
};

const SOFTMAX: OnnxGraph = {
  inputs: { x: 'float32' },
  outputs: { y: 'float32' },
  nodes: [{ op: 'Softmax', inputs: ['x'], outputs: ['y'], attributes: { axis: -1 } }],
};

function softmaxRow(x: Float32Array, out: Float32Array, start: number, end: number): void {
  let max = -Infinity;
  for (let i = start; i < end; i++) max = Math.max(max, x[i]!);
  let sum = 0;
  for (let i = start; i < end; i++) {
    const e = Math.exp(x[i]! - max);
    out[i] = e;
    sum += e;
  }
  for (let i = start; i < end; i++) out[i] = out[i]! / sum;
}
