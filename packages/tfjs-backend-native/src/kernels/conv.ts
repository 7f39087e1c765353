/**
 * Two-dimensional convolutions in tfjs's NHWC layout, as products: patches of the image become the rows of a matrix
 * (im2col), whose product with the filter, as it lies in memory, is the output, as it lies in memory. No transpose in
 * either direction, and both gradients are products of the same matrix.
 *
 * Chellapilla, Puri, Simard: "High Performance Convolutional Neural Networks for Document Processing", IWFHR 2006.
 */
import { backend_util, type TensorInfo } from '@tensorflow/tfjs-core';
import type { Allocated, NativeBackend } from '../NativeBackend.js';
import { computeInPlace } from './binary.js';
import { activate, isKnown } from './fused.js';
import { gemm } from './matMul.js';
import { areFloat, type NativeKernels, sizeOf } from './NativeKernel.js';
import { forTaps } from './taps.js';

/** Patches are made for so many bytes at a time: enough for a fast product, and little beside the tensors themselves. */
const PATCH_BYTES = 4 * 1024 * 1024;

type Conv2DInfo = backend_util.Conv2DInfo;

export const convKernels: NativeKernels = {
  Conv2D({ inputs: { x, filter }, attrs, backend }) {
    const info = convInfo(x.shape, filter.shape, attrs);
    if (!areFloat(backend, x, filter) || !isPlain(info)) return undefined;
    return forward(backend, 'Conv2D', x, filter, info).info;
  },

  FusedConv2D({ inputs, attrs, backend }) {
    const { x, filter, bias, preluActivationWeights } = inputs as Record<string, TensorInfo | undefined>;
    const info = convInfo(x!.shape, filter!.shape, attrs);
    const operands = [x!, filter!, bias, preluActivationWeights].filter((operand) => operand !== undefined);
    if (!areFloat(backend, ...operands) || !isPlain(info) || !isKnown(attrs.activation)) return undefined;
    const result = forward(backend, 'FusedConv2D', x!, filter!, info);
    const done =
      (!bias || computeInPlace(backend, 'add', result.info, bias)) &&
      activate(backend, result.info, result.values, attrs.activation, preluActivationWeights, attrs.leakyreluAlpha);
    if (done) return result.info;
    backend.disposeData(result.info.dataId);
    return undefined;
  },

  Conv2DBackpropFilter({ inputs: { x, dy }, attrs, backend }) {
    const info = convInfo(x.shape, attrs.filterShape, { ...attrs, dilations: 1 });
    if (!areFloat(backend, x, dy) || !isPlain(info, dy)) return undefined;
    return filterGradient(backend, x, dy, info);
  },

  Conv2DBackpropInput({ inputs: { dy, filter }, attrs, backend }) {
    const info = convInfo(attrs.inputShape, filter.shape, { ...attrs, dilations: 1 });
    if (!areFloat(backend, dy, filter) || !isPlain(info, dy)) return undefined;
    return inputGradient(backend, dy, filter, info);
  },
};

function convInfo(
  inShape: number[],
  filterShape: number[],
  // biome-ignore lint/suspicious/noExplicitAny: attributes as tfjs-core defines them for these kernels
  { strides, pad, dataFormat, dilations, dimRoundingMode }: any,
): Conv2DInfo {
  return backend_util.computeConv2DInfo(
    inShape as [number, number, number, number],
    filterShape as [number, number, number, number],
    strides,
    dilations,
    pad,
    dimRoundingMode,
    false,
    backend_util.convertConv2DDataFormat(dataFormat),
  );
}

/** NHWC, not empty, and a gradient (if given) of the shape that the output has: what the product form handles. */
function isPlain(info: Conv2DInfo, dy?: TensorInfo): boolean {
  if (dy?.shape.some((dim, i) => dim !== info.outShape[i])) return false;
  return info.dataFormat === 'channelsLast' && sizeOf(info.inShape) > 0 && sizeOf(info.outShape) > 0;
}

/** Elements of one patch. */
const patchSize = (info: Conv2DInfo): number => info.filterHeight * info.filterWidth * info.inChannels;
/** A 1×1 filter that looks at every pixel once: the image is its own patch matrix. */
const isPointwise = (info: Conv2DInfo): boolean =>
  info.filterHeight === 1 &&
  info.filterWidth === 1 &&
  info.strideHeight === 1 &&
  info.strideWidth === 1 &&
  info.padInfo.top + info.padInfo.bottom + info.padInfo.left + info.padInfo.right === 0;

/** Calls `visit` for runs of output rows (over all images) whose patches fit into {@link PATCH_BYTES}. */
function forRuns(info: Conv2DInfo, visit: (firstRow: number, rows: number) => void): void {
  const total = info.batchSize * info.outHeight;
  const rowBytes = info.outWidth * patchSize(info) * 4;
  const step = isPointwise(info) ? total : Math.max(1, Math.floor(PATCH_BYTES / rowBytes));
  for (let first = 0; first < total; first += step) visit(first, Math.min(step, total - first));
}

function allocatePatches(backend: NativeBackend, op: string, info: Conv2DInfo): Allocated<Float32Array> | undefined {
  if (isPointwise(info)) return undefined;
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

function forward(
  backend: NativeBackend,
  op: string,
  x: TensorInfo,
  filter: TensorInfo,
  info: Conv2DInfo,
): { readonly info: TensorInfo; readonly values: Float32Array } {
  const image = backend.address(x.dataId);
  const weights = backend.address(filter.dataId);
  const out = backend.allocate(op, sizeOf(info.outShape), 'float32');
  const patches = allocatePatches(backend, op, info);
  const rowBytes = info.outWidth * info.outChannels * 4;
  forRuns(info, (firstRow, rows) => {
    if (patches) gatherPatches(backend, info, image, patches.values, firstRow, rows);
    const left = patches ? patches.values.byteOffset : image;
    const target = out.values.byteOffset + firstRow * rowBytes;
    gemm(backend, left, weights, target, rows * info.outWidth, patchSize(info), info.outChannels, false, false);
  });
  if (patches) backend.disposeData(patches.dataId);
  return { info: { dataId: out.dataId, shape: info.outShape, dtype: 'float32' }, values: out.values };
}

function filterGradient(backend: NativeBackend, x: TensorInfo, dy: TensorInfo, info: Conv2DInfo): TensorInfo {
  const image = backend.address(x.dataId);
  const outputGradient = backend.address(dy.dataId);
  const size = sizeOf(info.filterShape);
  const { dataId, values } = backend.allocate('Conv2DBackpropFilter', size, 'float32');
  const part = backend.allocate('Conv2DBackpropFilter', size, 'float32');
  const patches = allocatePatches(backend, 'Conv2DBackpropFilter', info);
  values.fill(0);
  const rowBytes = info.outWidth * info.outChannels * 4;
  forRuns(info, (firstRow, rows) => {
    if (patches) gatherPatches(backend, info, image, patches.values, firstRow, rows);
    const left = patches ? patches.values.byteOffset : image;
    const right = outputGradient + firstRow * rowBytes;
    const target = part.values.byteOffset;
    gemm(backend, left, right, target, patchSize(info), rows * info.outWidth, info.outChannels, true, false);
    backend.simd.rows.add.both(values.byteOffset, target, values.byteOffset, 1, size, 0, 0, 0);
  });
  if (patches) backend.disposeData(patches.dataId);
  backend.disposeData(part.dataId);
  return { dataId, shape: info.filterShape, dtype: 'float32' };
}

function inputGradient(backend: NativeBackend, dy: TensorInfo, filter: TensorInfo, info: Conv2DInfo): TensorInfo {
  const outputGradient = backend.address(dy.dataId);
  const weights = backend.address(filter.dataId);
  const { dataId, values } = backend.allocate('Conv2DBackpropInput', sizeOf(info.inShape), 'float32');
  const patches = allocatePatches(backend, 'Conv2DBackpropInput', info);
  const rowBytes = info.outWidth * info.outChannels * 4;
  const patchBytes = patchSize(info) * 4;
  const pixelBytes = info.strideWidth * info.inChannels * 4;
  const { add } = backend.simd.rows;
  if (patches) values.fill(0);
  forRuns(info, (firstRow, rows) => {
    const target = patches ? patches.values.byteOffset : values.byteOffset;
    const left = outputGradient + firstRow * rowBytes;
    gemm(backend, left, weights, target, rows * info.outWidth, info.outChannels, patchSize(info), false, true);
    if (!patches) return;
    // Every tap adds its share to the pixels it had read.
    forTaps(info, firstRow, rows, ({ row, tap, begin, pixel, count }) => {
      const patch = target + (row * info.outWidth + begin) * patchBytes + tap * info.inChannels * 4;
      const sum = values.byteOffset + pixel * info.inChannels * 4;
      add.both(sum, patch, sum, count, info.inChannels, pixelBytes, patchBytes, pixelBytes);
    });
  });
  if (patches) backend.disposeData(patches.dataId);
  return { dataId, shape: info.inShape, dtype: 'float32' };
}
