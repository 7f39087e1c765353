/** Transpose: rows moved whole where the last dimension stays, blocks of 4×4 where it does not. */
import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { NativeBackend } from '../NativeBackend.js';
import { fourByteType, type NativeKernels } from './NativeKernel.js';

/** Elements of a tile, and rows of one: a tile of source and target stays in the first-level cache. Measured. */
const TILE = 4096;
const TILE_ROWS = 16;

export const transposeKernels: NativeKernels = {
  Transpose: ({ inputs: { x }, attrs: { perm }, backend }) => transpose(backend, x, perm),
};

/** A dimension to walk; strides in bytes. */
interface Walk {
  readonly length: number;
  readonly from: number;
  readonly to: number;
}

/** Transposes; dimensions that stay neighbours are moved as one. */
function transpose(backend: NativeBackend, x: TensorInfo, perm: readonly number[]): TensorInfo | undefined {
  const dtype = fourByteType(backend, x);
  if (!dtype) return undefined;
  const shape = perm.map((axis) => x.shape[axis]!);
  const { dims, order } = mergeAxes(x.shape, perm);
  if (order.every((axis, i) => axis === i)) return backend.share(x, shape);
  const source = backend.address(x.dataId);
  const { dataId, values } = backend.allocate('Transpose', backend.floats(x).length, dtype);
  if (values.length > 0) move(backend, source, values.byteOffset, dims, order);
  return { dataId, shape, dtype };
}

function move(
  backend: NativeBackend,
  source: number,
  target: number,
  dims: readonly number[],
  order: readonly number[],
): void {
  const walks = walksOf(dims, order);
  const last = dims.length - 1;
  const innermost = order[last]!;
  if (innermost === last) {
    const rows = walks[last - 1]!;
    const bytes = dims[last]! * 4;
    forEach(walks.slice(0, last - 1), source, target, (from, to) => {
      backend.simd.copyRows(from, to, rows.length, bytes, rows.from, rows.to);
    });
    return;
  }
  // What is contiguous in the target is a column of the source, and the other way round.
  const rows = walks[last]!;
  const columnAt = order.indexOf(last);
  const columns = walks[columnAt]!;
  const outer = walks.filter((_, i) => i !== last && i !== columnAt);
  const tileColumns = Math.min(columns.length, TILE / TILE_ROWS);
  const tileRows = Math.max(TILE_ROWS, Math.floor(TILE / tileColumns / 16) * 16);
  forEach(outer, source, target, (from, to) => {
    for (let r = 0; r < rows.length; r += tileRows) {
      const height = Math.min(tileRows, rows.length - r);
      for (let c = 0; c < columns.length; c += tileColumns) {
        const width = Math.min(tileColumns, columns.length - c);
        const tile = from + r * rows.from + c * 4;
        backend.simd.transpose(tile, to + r * 4 + c * columns.to, height, width, rows.from, columns.to);
      }
    }
  });
}

/** The dimensions in target order. */
function walksOf(dims: readonly number[], order: readonly number[]): Walk[] {
  const stride = (lengths: readonly number[], after: number): number =>
    lengths.slice(after + 1).reduce((size, length) => size * length, 4);
  const targetDims = order.map((axis) => dims[axis]!);
  return order.map((axis, i) => ({ length: dims[axis]!, from: stride(dims, axis), to: stride(targetDims, i) }));
}

function forEach(walks: readonly Walk[], from: number, to: number, visit: (from: number, to: number) => void): void {
  const [walk, ...inner] = walks;
  if (!walk) {
    visit(from, to);
    return;
  }
  for (let i = 0; i < walk.length; i++) forEach(inner, from + i * walk.from, to + i * walk.to, visit);
}

/** The same permutation over fewer axes: those of length 1 dropped, those that stay in sequence merged. */
function mergeAxes(shape: readonly number[], perm: readonly number[]): { dims: number[]; order: number[] } {
  const kept = perm.filter((axis) => shape[axis] !== 1);
  // Groups in target order, each a run of neighbouring source axes.
  const groups: { first: number; length: number }[] = [];
  let previous = -2;
  const rankOf = new Map([...kept].sort((a, b) => a - b).map((axis, i) => [axis, i]));
  for (const axis of kept) {
    const place = rankOf.get(axis)!;
    if (place === previous + 1) groups[groups.length - 1]!.length *= shape[axis]!;
    else groups.push({ first: place, length: shape[axis]! });
    previous = place;
  }
  const sorted = [...groups].sort((a, b) => a.first - b.first);
  return { dims: sorted.map((group) => group.length), order: groups.map((group) => sorted.indexOf(group)) };
}
