/**
 * ResizeBilinear and its gradient, one direction after the other: a column of pixels of an image at a time, then a row,
 * all channels together.
 */
import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { NativeBackend } from '../NativeBackend.js';
import { areFloat, type NativeKernels, sizeOf } from './NativeKernel.js';
import { withScratch } from './scratch.js';

/** A place between two of the input: `low · (1 − share) + high · share`. */
interface Between {
  readonly low: number;
  readonly high: number;
  readonly share: number;
}

export const resizeBilinearKernels: NativeKernels = {
  ResizeBilinear({ inputs: { images }, attrs: { size, alignCorners, halfPixelCenters }, backend }) {
    if (!areFloat(backend, images) || sizeOf(images.shape) === 0 || sizeOf(size) === 0) return undefined;
    const [batch, height, width, channels] = images.shape as [number, number, number, number];
    const rows = placesBetween(height, size[0], alignCorners, halfPixelCenters);
    const columns = placesBetween(width, size[1], alignCorners, halfPixelCenters);
    return resize(backend, images, [batch, rows.length, columns.length, channels], rows, columns);
  },

  ResizeBilinearGrad({ inputs: { images, dy }, attrs: { alignCorners }, backend }) {
    if (!areFloat(backend, images, dy) || sizeOf(images.shape) === 0 || sizeOf(dy.shape) === 0) return undefined;
    const rows = placesBetween(images.shape[1], dy.shape[1], alignCorners, false);
    const columns = placesBetween(images.shape[2], dy.shape[2], alignCorners, false);
    return gradient(backend, dy, images.shape, rows, columns);
  },
};

function placesBetween(from: number, to: number, alignCorners: boolean, halfPixelCenters: boolean): Between[] {
  const step = alignCorners && to > 1 ? (from - 1) / (to - 1) : from / to;
  return Array.from({ length: to }, (_, i) => {
    const place = halfPixelCenters ? step * (i + 0.5) - 0.5 : step * i;
    const low = Math.max(0, Math.floor(place));
    return { low, high: Math.max(0, Math.min(from - 1, Math.ceil(place))), share: place - low };
  });
}

function resize(
  backend: NativeBackend,
  images: TensorInfo,
  shape: readonly [number, number, number, number],
  rows: readonly Between[],
  columns: readonly Between[],
): TensorInfo {
  const [, height, width] = images.shape as [number, number, number, number];
  const [batch, outHeight, outWidth, channels] = shape;
  const pixel = channels * 4;
  const source = backend.address(images.dataId);
  const { dataId, values } = backend.allocate('ResizeBilinear', sizeOf(shape), 'float32');
  const { mix } = backend.simd;
  withScratch(backend.arena, 'ResizeBilinear', (scratch) => {
    // One image as wide as the result, and one share for all channels.
    const wide = scratch.take(height * outWidth * pixel);
    const share = scratch.take(pixel);
    const shares = scratch.floats(share, channels);
    for (let n = 0; n < batch; n++) {
      const image = source + n * height * width * pixel;
      columns.forEach((column, x) => {
        shares.fill(column.share);
        const [left, right, out] = [image + column.low * pixel, image + column.high * pixel, wide + x * pixel];
        mix(left, right, share, out, height, channels, width * pixel, width * pixel, 0, outWidth * pixel);
      });
      const result = values.byteOffset + n * outHeight * outWidth * pixel;
      rows.forEach((row, y) => {
        shares.fill(row.share);
        const line = outWidth * pixel;
        const [top, bottom, out] = [wide + row.low * line, wide + row.high * line, result + y * line];
        mix(top, bottom, share, out, outWidth, channels, pixel, pixel, 0, pixel);
      });
    }
  });
  return { dataId, shape: [...shape], dtype: 'float32' };
}

function gradient(
  backend: NativeBackend,
  dy: TensorInfo,
  shape: readonly number[],
  rows: readonly Between[],
  columns: readonly Between[],
): TensorInfo {
  const [batch, height, width, channels] = shape as readonly [number, number, number, number];
  const pixel = channels * 4;
  const outWidth = columns.length;
  const source = backend.address(dy.dataId);
  const { dataId, values } = backend.allocate('ResizeBilinearGrad', sizeOf(shape), 'float32');
  values.fill(0);
  const add = backend.simd.multiplyAdd;
  withScratch(backend.arena, 'ResizeBilinearGrad', (scratch) => {
    const line = outWidth * pixel;
    const wide = scratch.take(height * line);
    const share = scratch.take(pixel);
    const shares = scratch.floats(share, channels);
    const sides = ({ low, high, share }: Between) => [[low, 1 - share] as const, [high, share] as const];
    for (let n = 0; n < batch; n++) {
      scratch.floats(wide, height * outWidth * channels).fill(0);
      rows.forEach((row, y) => {
        for (const [at, part] of sides(row)) {
          shares.fill(part);
          const from = source + (n * rows.length + y) * line;
          add(from, share, wide + at * line, outWidth, channels, pixel, 0, pixel);
        }
      });
      const image = values.byteOffset + n * height * width * pixel;
      columns.forEach((column, x) => {
        for (const [at, part] of sides(column)) {
          shares.fill(part);
          add(wide + x * pixel, share, image + at * pixel, height, channels, line, 0, width * pixel);
        }
      });
    }
  });
  return { dataId, shape: [...shape], dtype: 'float32' };
}
