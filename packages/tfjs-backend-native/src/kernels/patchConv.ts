/**
 * Convolutions as products, where `blockedConv.ts` cannot serve: patches of the NHWC image become the rows of a matrix
 * (im2col), whose product with the filter, as it lies in memory, is the output, as it lies in memory. No transpose in
 * either direction, and both gradients are products of the same matrix.
 *
 * Chellapilla, Puri, Simard: "High Performance Convolutional Neural Networks for Document Processing", IWFHR 2006.
 */
import type { backend_util } from '@tensorflow/tfjs-core';
import type { Allocated, NativeBackend } from '../NativeBackend.js';
import { gemm } from './matMul.js';
import { forTaps } from './taps.js';

/** Patches are made for so many bytes at a time: enough for a fast product, and little beside the tensors themselves. */
const PATCH_BYTES = 4 * 1024 * 1024;

type Conv2DInfo = backend_util.Conv2DInfo;

/** Elements of one patch. */
const patchSize = (info: Conv2DInfo): number => info.filterHeight * info.filterWidth * info.inChannels;

/** Calls `visit` for runs of output rows (over all images) whose patches fit into {@link PATCH_BYTES}. */
function forRuns(info: Conv2DInfo, visit: (firstRow: number, rows: number) => void): void {
  const total = info.batchSize * info.outHeight;
  const rowBytes = info.outWidth * patchSize(info) * 4;
  const step = Math.max(1, Math.floor(PATCH_BYTES / rowBytes));
  for (let first = 0; first < total; first += step) visit(first, Math.min(step, total - first));
}

function allocatePatches(backend: NativeBackend, op: string, info: Conv2DInfo): Allocated<Float32Array> {
  let rows = 0;
  forRuns(info, (_, count) => {
    rows = Math.max(rows, count);
  });
  return backend.allocate(op, rows * info.outWidth * patchSize(info), 'float32');
}

/** Fills the patch matrix of some output rows. */
function gatherPatches(
  backend: NativeBackend,
  info: Conv2DInfo,
  image: number,
  patches: Float32Array,
  firstRow: number,
  rows: number,
): void {
  const patchBytes = patchSize(info) * 4;
  const pixelBytes = info.inChannels * 4;
  const { padInfo } = info;
  // Taps outside the image stay zero.
  if (padInfo.top + padInfo.bottom + padInfo.left + padInfo.right > 0) patches.fill(0);
  const copy = backend.simd.copyRows;
  const outBytes = info.outWidth * patchBytes;
  forTaps(info, firstRow, rows, ({ row, tap, begin, pixel, count }) => {
    const to = row * outBytes + begin * patchBytes + tap * pixelBytes;
    copy(
      image + pixel * pixelBytes,
      patches.byteOffset + to,
      count,
      pixelBytes,
      info.strideWidth * pixelBytes,
      patchBytes,
    );
  });
}

/** `out = conv(image, filter)`; addresses in the arena. */
export function patchForward(
  backend: NativeBackend,
  info: Conv2DInfo,
  image: number,
  filter: number,
  out: number,
): void {
  const patches = allocatePatches(backend, 'Conv2D', info);
  const rowBytes = info.outWidth * info.outChannels * 4;
  forRuns(info, (firstRow, rows) => {
    gatherPatches(backend, info, image, patches.values, firstRow, rows);
    const left = patches.values.byteOffset;
    const target = out + firstRow * rowBytes;
    gemm(backend, left, filter, target, rows * info.outWidth, patchSize(info), info.outChannels, false, false);
  });
  backend.disposeData(patches.dataId);
}

/** `out = ∂L/∂filter`; addresses in the arena. */
export function patchFilterGradient(
  backend: NativeBackend,
  info: Conv2DInfo,
  image: number,
  gradient: number,
  out: Float32Array,
): void {
  const part = backend.allocate('Conv2DBackpropFilter', out.length, 'float32');
  const patches = allocatePatches(backend, 'Conv2DBackpropFilter', info);
  out.fill(0);
  const rowBytes = info.outWidth * info.outChannels * 4;
  forRuns(info, (firstRow, rows) => {
    gatherPatches(backend, info, image, patches.values, firstRow, rows);
    const left = patches.values.byteOffset;
    const right = gradient + firstRow * rowBytes;
    const target = part.values.byteOffset;
    gemm(backend, left, right, target, patchSize(info), rows * info.outWidth, info.outChannels, true, false);
    backend.simd.rows.add.both(out.byteOffset, target, out.byteOffset, 1, out.length, 0, 0, 0);
  });
  backend.disposeData(patches.dataId);
  backend.disposeData(part.dataId);
}

/** `out = ∂L/∂image`; addresses in the arena. */
export function patchInputGradient(
  backend: NativeBackend,
  info: Conv2DInfo,
  gradient: number,
  filter: number,
  out: Float32Array,
): void {
  const patches = allocatePatches(backend, 'Conv2DBackpropInput', info);
  const rowBytes = info.outWidth * info.outChannels * 4;
  const patchBytes = patchSize(info) * 4;
  const pixelBytes = info.strideWidth * info.inChannels * 4;
  const { add } = backend.simd.rows;
  out.fill(0);
  forRuns(info, (firstRow, rows) => {
    const target = patches.values.byteOffset;
    const left = gradient + firstRow * rowBytes;
    gemm(backend, left, filter, target, rows * info.outWidth, info.outChannels, patchSize(info), false, true);
    // Every tap adds its share to the pixels it had read.
    forTaps(info, firstRow, rows, ({ row, tap, begin, pixel, count }) => {
      const patch = target + (row * info.outWidth + begin) * patchBytes + tap * info.inChannels * 4;
      const sum = out.byteOffset + pixel * info.inChannels * 4;
      add.both(sum, patch, sum, count, info.inChannels, pixelBytes, patchBytes, pixelBytes);
    });
  });
  backend.disposeData(patches.dataId);
}
