/** Kernels that repeat rows by a list of places along an axis: ResizeNearestNeighbor and MirrorPad. */
import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { NativeBackend } from '../NativeBackend.js';
import { areFloat, fourByteType, type NativeKernels, sizeOf } from './NativeKernel.js';
import { withScratch } from './scratch.js';

/** Along one axis: which place each place of the result takes. */
interface Walk {
  readonly axis: number;
  readonly places: Int32Array;
}

export const resampleKernels: NativeKernels = {
  ResizeNearestNeighbor({ inputs: { images }, attrs: { size, alignCorners, halfPixelCenters }, backend }) {
    if (!areFloat(backend, images) || sizeOf(images.shape) === 0) return undefined;
    const walks = [1, 2].map((axis): Walk => {
      const [from, to] = [images.shape[axis] as number, size[axis - 1] as number];
      const step = alignCorners && to > 1 ? (from - 1) / (to - 1) : from / to;
      const places = Int32Array.from({ length: to }, (_, i) => {
        const place = step * (halfPixelCenters ? i + 0.5 : i);
        return Math.min(from - 1, alignCorners ? Math.round(place) : Math.floor(place));
      });
      return { axis, places };
    });
    return along(backend, 'ResizeNearestNeighbor', images, walks, 'float32');
  },

  MirrorPad({ inputs: { x }, attrs: { paddings, mode }, backend }) {
    const dtype = fourByteType(backend, x);
    if (!dtype || sizeOf(x.shape) === 0) return undefined;
    const edge = mode === 'reflect' ? 0 : 1;
    const walks: Walk[] = [];
    (paddings as [number, number][]).forEach(([before, after], axis) => {
      if (before === 0 && after === 0) return;
      const length = x.shape[axis] as number;
      const places = Int32Array.from({ length: before + length + after }, (_, i) => {
        const place = i - before;
        if (place < 0) return -place - edge;
        return place < length ? place : 2 * (length - 1) - place + edge;
      });
      walks.push({ axis, places });
    });
    return along(backend, 'MirrorPad', x, walks, dtype);
  },
};

/** Takes places along one axis after the other, the last axis first: rows are longest where most of them are moved. */
function along(
  backend: NativeBackend,
  kernel: string,
  x: TensorInfo,
  walks: readonly Walk[],
  dtype: 'float32' | 'int32',
): TensorInfo {
  if (walks.length === 0) return backend.share(x);
  const shape = [...x.shape];
  let from = backend.address(x.dataId);
  let last: TensorInfo['dataId'] | undefined;
  for (const { axis, places } of walks.toReversed()) {
    const outer = sizeOf(shape.slice(0, axis));
    const bytes = sizeOf(shape.slice(axis + 1)) * 4;
    const block = shape[axis]! * bytes;
    shape[axis] = places.length;
    const { dataId, values } = backend.allocate(kernel, sizeOf(shape), dtype);
    withScratch(backend.arena, kernel, (scratch) => {
      const list = scratch.take(places.byteLength);
      new Int32Array(backend.arena.memory.buffer, list, places.length).set(places);
      for (let i = 0; i < outer; i++) {
        const to = values.byteOffset + i * places.length * bytes;
        backend.simd.gatherRows(from + i * block, to, list, places.length, bytes);
      }
    });
    if (last !== undefined) backend.disposeData(last);
    last = dataId;
    from = values.byteOffset;
  }
  return { dataId: last!, shape, dtype };
}
