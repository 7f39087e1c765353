/** Kernels that repeat or spread: Tile, OneHot, Cumsum. */
import { type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { NativeBackend } from '../NativeBackend.js';
import { areFloat, type NativeKernels, sizeOf } from './NativeKernel.js';

export const repeatKernels: NativeKernels = {
  Tile: ({ inputs: { x }, attrs: { reps }, backend }) => tile(backend, x, reps),

  OneHot({ inputs: { indices }, attrs: { dtype, depth, onValue, offValue }, backend }) {
    const at = backend.values(indices.dataId);
    if (!(at instanceof Int32Array) || (dtype !== 'float32' && dtype !== 'int32')) return undefined;
    const { dataId, values } = backend.allocate('OneHot', at.length * depth, dtype);
    values.fill(offValue);
    for (let i = 0, row = 0; i < at.length; i++, row += depth) {
      const index = at[i]!;
      if (index >= 0 && index < depth) values[row + index] = onValue;
    }
    return { dataId, shape: [...indices.shape, depth], dtype };
  },

  Cumsum({ inputs: { x }, attrs: { axis, exclusive, reverse }, backend }) {
    if (!areFloat(backend, x)) return undefined;
    const [along] = util.parseAxisParam(axis, x.shape);
    if (along === undefined) return undefined;
    const { dataId, values } = backend.allocate('Cumsum', sizeOf(x.shape), 'float32');
    const length = x.shape[along]!;
    const inner = sizeOf(x.shape.slice(along + 1));
    if (values.length > 0) {
      if (inner === 1) scanRows(backend.floats(x), values, length, exclusive, reverse);
      else scanColumns(backend, x, values, length, inner, exclusive, reverse);
    }
    return { dataId, shape: x.shape, dtype: 'float32' };
  },
};

/** Repeats axis by axis, the innermost first, so that ever longer blocks are copied. */
function tile(backend: NativeBackend, x: TensorInfo, reps: readonly number[]): TensorInfo | undefined {
  if (!areFloat(backend, x) || reps.length !== x.shape.length) return undefined;
  const shape = x.shape.map((dim, i) => dim * reps[i]!);
  if (reps.every((times) => times === 1)) return backend.share(x, shape);
  if (sizeOf(shape) === 0) return { dataId: backend.allocate('Tile', 0, 'float32').dataId, shape, dtype: 'float32' };
  let from = backend.address(x.dataId);
  let size = backend.floats(x).length;
  let last: TensorInfo['dataId'] | undefined;
  for (let axis = x.shape.length - 1; axis >= 0; axis--) {
    const times = reps[axis]!;
    if (times === 1) continue;
    const outer = sizeOf(x.shape.slice(0, axis));
    const block = (size / outer) * 4;
    size *= times;
    const { dataId, values } = backend.allocate('Tile', size, 'float32');
    const to = values.byteOffset;
    const copy = backend.simd.copyRows;
    // One call for many rows: over the copies of a block, or over the blocks of a copy.
    if (times > outer) {
      for (let i = 0; i < outer; i++) copy(from + i * block, to + i * times * block, times, block, 0, block);
    } else {
      for (let k = 0; k < times; k++) copy(from, to + k * block, outer, block, block, times * block);
    }
    if (last !== undefined) backend.disposeData(last);
    last = dataId;
    from = to;
  }
  return { dataId: last!, shape, dtype: 'float32' };
}

/** Running sums of every row, kept in float64. */
function scanRows(x: Float32Array, out: Float32Array, length: number, isExclusive: boolean, isReverse: boolean): void {
  const step = isReverse ? -1 : 1;
  for (let row = 0; row < x.length; row += length) {
    let sum = 0;
    let at = isReverse ? row + length - 1 : row;
    for (let j = 0; j < length; j++, at += step) {
      const before = sum;
      sum += x[at]!;
      out[at] = isExclusive ? before : sum;
    }
  }
}

/** Running sums down the columns: each row is the one before it plus a row of x. */
function scanColumns(
  backend: NativeBackend,
  x: TensorInfo,
  out: Float32Array,
  length: number,
  inner: number,
  isExclusive: boolean,
  isReverse: boolean,
): void {
  const source = backend.address(x.dataId);
  const { copyRows, rows } = backend.simd;
  const bytes = inner * 4;
  const block = length * bytes;
  const step = isReverse ? -bytes : bytes;
  for (let start = 0; start < out.length * 4; start += block) {
    const first = start + (isReverse ? block - bytes : 0);
    const [from, to] = [source + first, out.byteOffset + first];
    if (isExclusive) out.fill(0, first / 4, first / 4 + inner);
    else copyRows(from, to, 1, bytes, 0, 0);
    const next = isExclusive ? from : from + step;
    rows.add.both(to, next, to + step, length - 1, inner, step, step, step);
  }
}
