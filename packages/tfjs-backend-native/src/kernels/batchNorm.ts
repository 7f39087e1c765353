/** FusedBatchNorm (inference form) over the last dimensions, in one pass. */
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { areFloat, type NativeKernels } from './NativeKernel.js';

const DEFAULT_EPSILON = 0.001;

export const batchNormKernels: NativeKernels = {
  FusedBatchNorm({ inputs, attrs, backend }) {
    const { x, mean, variance, scale, offset } = inputs as Record<string, TensorInfo | undefined>;
    const operands = [x!, mean!, variance!, scale, offset].filter(
      (operand) => operand !== undefined && operand !== null,
    );
    if (!areFloat(backend, ...(operands as TensorInfo[]))) return undefined;
    const means = backend.floats(mean!);
    const width = means.length;
    const size = backend.floats(x!).length;
    // The inherited kernel repeats operands of different lengths each in its own period, and words the errors.
    if (operands.slice(1).some((operand) => backend.floats(operand as TensorInfo).length !== width)) return undefined;
    if (operands.slice(1).some((operand) => operand!.shape.length !== mean!.shape.length)) return undefined;
    if (width === 0 || size % width !== 0) return undefined;
    const source = backend.address(x!.dataId);
    const { dataId, values } = backend.allocate('FusedBatchNorm', size, 'float32');
    const table = backend.allocate('FusedBatchNorm', 3 * width, 'float32');
    const epsilon = attrs.varianceEpsilon ?? DEFAULT_EPSILON;
    const variances = backend.floats(variance!);
    const scales = scale ? backend.floats(scale) : undefined;
    table.values.set(means);
    for (let i = 0; i < width; i++) {
      table.values[width + i] = (scales ? scales[i]! : 1) / Math.sqrt(variances[i]! + epsilon);
    }
    if (offset) table.values.set(backend.floats(offset), 2 * width);
    else table.values.fill(0, 2 * width);
    const [at, bytes] = [table.values.byteOffset, width * 4];
    const out = values.byteOffset;
    const rows = size / width;
    backend.simd.normalise(source, at, at + bytes, at + 2 * bytes, out, rows, width, bytes, 0, 0, 0, bytes);
    backend.disposeData(table.dataId);
    return { dataId, shape: x!.shape, dtype: 'float32' };
  },
};
