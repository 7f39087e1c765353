/**
 * Kernels that address rows by coordinates: GatherNd, ScatterNd, TensorScatterUpdate, SparseToDense. Coordinates become
 * row numbers first; rows then move whole.
 */
import { backend_util, type TensorInfo } from '@tensorflow/tfjs-core';
import type { NativeBackend } from '../NativeBackend.js';
import { fourByteType, type NativeKernels, sizeOf } from './NativeKernel.js';
import { withScratch } from './scratch.js';

export const scatterKernels: NativeKernels = {
  GatherNd({ inputs: { params, indices }, backend }) {
    const dtype = fourByteType(backend, params);
    const coordinates = backend.values(indices.dataId);
    if (!dtype || !(coordinates instanceof Int32Array) || coordinates.length === 0 || sizeOf(params.shape) === 0) {
      return undefined;
    }
    const [shape, count, width, strides] = backend_util.prepareAndValidate(params, indices);
    const depth = indices.shape[indices.shape.length - 1]!;
    const total = sizeOf(params.shape) / width;
    const source = backend.address(params.dataId);
    const { dataId, values } = backend.allocate('GatherNd', count * width, dtype);
    withScratch(backend.arena, 'GatherNd', (scratch) => {
      const at = scratch.take(count * 4);
      const rows = new Int32Array(backend.arena.memory.buffer, at, count);
      fillRows(rows, coordinates, depth, strides);
      for (let i = 0; i < count; i++) {
        // The wording of the cpu backend.
        if (rows[i]! < 0 || rows[i]! >= total) {
          const found = coordinates.subarray(i * depth, (i + 1) * depth);
          backend.disposeData(dataId);
          throw new Error(`Invalid indices: ${found} does not index into ${params.shape}`);
        }
      }
      backend.simd.gatherRows(source, values.byteOffset, at, count, width * 4);
    });
    return { dataId, shape, dtype };
  },

  ScatterNd: ({ inputs: { indices, updates }, attrs: { shape }, backend }) =>
    scatter(backend, 'ScatterNd', indices, updates, shape, 'add'),

  TensorScatterUpdate: ({ inputs: { tensor, indices, updates }, backend }) =>
    scatter(backend, 'TensorScatterUpdate', indices, updates, tensor.shape, 'set', tensor),

  SparseToDense: ({ inputs: { sparseIndices, sparseValues, defaultValue }, attrs: { outputShape }, backend }) =>
    scatter(backend, 'SparseToDense', sparseIndices, sparseValues, outputShape, 'set', defaultValue),
};

/** Row numbers of coordinates; strides count rows. */
function fillRows(rows: Int32Array, coordinates: Int32Array, depth: number, strides: readonly number[]): void {
  for (let i = 0, at = 0; i < rows.length; i++) {
    let row = 0;
    for (let j = 0; j < depth; j++) row += coordinates[at++]! * strides[j]!;
    rows[i] = row;
  }
}

/** @param base - what the result holds where nothing is written: a tensor of its shape, or one number; zeros if absent */
function scatter(
  backend: NativeBackend,
  kernel: string,
  indices: TensorInfo,
  updates: TensorInfo,
  shape: number[],
  mode: 'add' | 'set',
  base?: TensorInfo,
): TensorInfo | undefined {
  const dtype = fourByteType(backend, ...(base ? [updates, base] : [updates]));
  const coordinates = backend.values(indices.dataId);
  if (!dtype || !(coordinates instanceof Int32Array) || sizeOf(shape) === 0) return undefined;
  if (mode === 'add' && dtype !== 'float32') return undefined;
  const { sliceRank, numUpdates, sliceSize, strides } = backend_util.calculateShapes(updates, indices, shape);
  const size = sizeOf(shape);
  const given = backend.values(updates.dataId) as Float32Array | Int32Array;
  // One number for all updates, and no updates, are left to the inherited kernel.
  if (given.length !== numUpdates * sliceSize || numUpdates === 0) return undefined;
  const rows = new Int32Array(numUpdates);
  fillRows(rows, coordinates, sliceRank, strides);
  const total = size / sliceSize;
  const isOutside = (row: number) => row < 0 || row >= total;
  // Its error, too.
  if (rows.some(isOutside)) return undefined;
  const source = backend.address(updates.dataId);
  const { dataId, values } = backend.allocate(kernel, size, dtype);
  const initial = base && (backend.values(base.dataId) as Float32Array | Int32Array);
  if (initial && initial.length === size) values.set(initial);
  else values.fill(initial ? initial[0]! : 0);
  const bytes = sliceSize * 4;
  const { copyRows, rows: loops } = backend.simd;
  if (sliceSize === 1) {
    const flat = backend.values(updates.dataId) as Float32Array | Int32Array;
    if (mode === 'add') for (let i = 0; i < rows.length; i++) values[rows[i]!]! += flat[i]!;
    else for (let i = 0; i < rows.length; i++) values[rows[i]!] = flat[i]!;
  } else {
    for (let i = 0; i < rows.length; i++) {
      const target = values.byteOffset + rows[i]! * bytes;
      const from = source + i * bytes;
      if (mode === 'add') loops.add.both(target, from, target, 1, sliceSize, 0, 0, 0);
      else copyRows(from, target, 1, bytes, 0, 0);
    }
  }
  return { dataId, shape, dtype };
}
