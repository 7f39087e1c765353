/**
 * Depthwise convolutions (NHWC) and their gradients: each window place multiplies an output row by one row of weights,
 * all channels together. Where a channel has several filters, the image is widened first, a copy of each channel per
 * filter, so that image, filter and output have the same channels. Whole blocks of channels with one filter each go
 * through `blockedDepthwise.ts` instead, forward and backward to the image.
 */
import { backend_util, type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { NativeBackend } from '../NativeBackend.js';
import { computeInPlace } from './binary.js';
import { blockedDepthwise, blockedDepthwiseInputGradient, isBlockedDepthwise } from './blockedDepthwise.js';
import { activate, isKnown } from './fused.js';
import { areFloat, type NativeKernels, sizeOf } from './NativeKernel.js';
import { withScratch } from './scratch.js';
import { forTaps } from './taps.js';

/** Products are summed up in float32 over about so many pixels before the subtotal is put aside. */
const CHUNK_PIXELS = 1024;

type Info = backend_util.Conv2DInfo;

export const depthwiseKernels: NativeKernels = {
  DepthwiseConv2dNative({ inputs: { x, filter }, attrs, backend }) {
    const info = depthwiseInfo(x.shape, filter.shape, attrs);
    if (!areFloat(backend, x, filter) || !isPlain(info)) return undefined;
    return forward(backend, x, filter, info);
  },

  FusedDepthwiseConv2D({ inputs, attrs, backend }) {
    const { x, filter, bias, preluActivationWeights } = inputs as Record<string, TensorInfo | undefined>;
    const info = depthwiseInfo(x!.shape, filter!.shape, attrs);
    const operands = [x!, filter!, bias, preluActivationWeights].filter((operand) => operand !== undefined);
    if (!areFloat(backend, ...operands) || !isPlain(info) || !isKnown(attrs.activation)) return undefined;
    const result = forward(backend, x!, filter!, info);
    const done =
      (!bias || computeInPlace(backend, 'add', result, bias)) &&
      activate(backend, result, backend.floats(result), attrs.activation, preluActivationWeights, attrs.leakyreluAlpha);
    if (done) return result;
    backend.disposeData(result.dataId);
    return undefined;
  },

  DepthwiseConv2dNativeBackpropInput({ inputs: { dy, filter }, attrs, backend }) {
    const info = depthwiseInfo(attrs.inputShape, filter.shape, attrs);
    if (!areFloat(backend, dy, filter) || !isPlain(info, dy)) return undefined;
    return inputGradient(backend, dy, filter, info);
  },

  DepthwiseConv2dNativeBackpropFilter({ inputs: { x, dy }, attrs, backend }) {
    const info = depthwiseInfo(x.shape, attrs.filterShape, attrs);
    if (!areFloat(backend, x, dy) || !isPlain(info, dy)) return undefined;
    return filterGradient(backend, x, dy, info);
  },
};

function depthwiseInfo(
  inShape: number[],
  filterShape: number[],
  // biome-ignore lint/suspicious/noExplicitAny: attributes as tfjs-core defines them for these kernels
  { strides, pad, dilations, dimRoundingMode }: any,
): Info {
  return backend_util.computeConv2DInfo(
    inShape as [number, number, number, number],
    filterShape as [number, number, number, number],
    strides,
    dilations ?? [1, 1],
    pad,
    dimRoundingMode,
    true,
  );
}

/** Not empty, strides or dilations alone, and a gradient (if given) of the shape that the output has. */
function isPlain(info: Info, dy?: TensorInfo): boolean {
  if (dy && !util.arraysEqual(dy.shape, info.outShape)) return false;
  const isStrided = info.strideHeight * info.strideWidth > 1;
  const isDilated = info.dilationHeight * info.dilationWidth > 1;
  return !(isStrided && isDilated) && sizeOf(info.inShape) > 0 && sizeOf(info.outShape) > 0;
}

/** The image with every channel repeated once per filter: its first byte, and how to free it. */
function widened(backend: NativeBackend, x: TensorInfo, info: Info): { at: number; free: () => void } {
  const times = info.outChannels / info.inChannels;
  if (times === 1) return { at: backend.address(x.dataId), free: () => {} };
  const source = backend.floats(x);
  const { dataId, values } = backend.allocate('DepthwiseConv2dNative', source.length * times, 'float32');
  for (let i = 0, to = 0; i < source.length; i++) {
    const value = source[i]!;
    for (let k = 0; k < times; k++) values[to++] = value;
  }
  return {
    at: values.byteOffset,
    free: () => {
      backend.disposeData(dataId);
    },
  };
}

function forward(backend: NativeBackend, x: TensorInfo, filter: TensorInfo, info: Info): TensorInfo {
  const weights = backend.address(filter.dataId);
  const { dataId, values } = backend.allocate('DepthwiseConv2dNative', sizeOf(info.outShape), 'float32');
  if (isBlockedDepthwise(backend, info)) {
    const at = backend.address(x.dataId);
    withScratch(backend.arena, 'DepthwiseConv2dNative', (scratch) => {
      blockedDepthwise(backend, scratch, info, at, weights, values.byteOffset);
    });
    return { dataId, shape: info.outShape, dtype: 'float32' };
  }
  const image = widened(backend, x, info);
  values.fill(0);
  const channels = info.outChannels;
  const bytes = channels * 4;
  const { multiplyAdd } = backend.simd;
  forTaps(info, 0, info.batchSize * info.outHeight, ({ row, tap, begin, pixel, count }) => {
    const out = values.byteOffset + (row * info.outWidth + begin) * bytes;
    const from = image.at + pixel * bytes;
    multiplyAdd(from, weights + tap * bytes, out, count, channels, info.strideWidth * bytes, 0, bytes);
  });
  image.free();
  return { dataId, shape: info.outShape, dtype: 'float32' };
}

function inputGradient(backend: NativeBackend, dy: TensorInfo, filter: TensorInfo, info: Info): TensorInfo {
  const op = 'DepthwiseConv2dNativeBackpropInput';
  const gradient = backend.address(dy.dataId);
  const weights = backend.address(filter.dataId);
  const size = sizeOf(info.inShape);
  const channels = info.outChannels;
  const times = channels / info.inChannels;
  const { dataId, values } = backend.allocate(op, size, 'float32');
  if (isBlockedDepthwise(backend, info)) {
    let isDone = false;
    withScratch(backend.arena, op, (scratch) => {
      isDone = blockedDepthwiseInputGradient(backend, scratch, info, gradient, weights, values);
    });
    if (isDone) return { dataId, shape: info.inShape, dtype: 'float32' };
  }
  const wide = times === 1 ? undefined : backend.allocate(op, size * times, 'float32');
  const sums = wide?.values ?? values;
  sums.fill(0);
  const bytes = channels * 4;
  const step = info.strideWidth * bytes;
  const { multiplyAdd, reduce } = backend.simd;
  forTaps(info, 0, info.batchSize * info.outHeight, ({ row, tap, begin, pixel, count }) => {
    const from = gradient + (row * info.outWidth + begin) * bytes;
    multiplyAdd(from, weights + tap * bytes, sums.byteOffset + pixel * bytes, count, channels, bytes, 0, step);
  });
  if (wide) {
    reduce.sum(wide.values.byteOffset, values.byteOffset, size, times);
    backend.disposeData(wide.dataId);
  }
  return { dataId, shape: info.inShape, dtype: 'float32' };
}

function filterGradient(backend: NativeBackend, x: TensorInfo, dy: TensorInfo, info: Info): TensorInfo {
  const op = 'DepthwiseConv2dNativeBackpropFilter';
  const gradient = backend.address(dy.dataId);
  const size = sizeOf(info.filterShape);
  const { dataId, values } = backend.allocate(op, size, 'float32');
  const part = backend.allocate(op, size, 'float32');
  const image = widened(backend, x, info);
  values.fill(0);
  const channels = info.outChannels;
  const bytes = channels * 4;
  const step = info.strideWidth * bytes;
  const { multiplyAdd, rows } = backend.simd;
  const total = info.batchSize * info.outHeight;
  const chunk = Math.max(1, Math.floor(CHUNK_PIXELS / info.outWidth));
  for (let first = 0; first < total; first += chunk) {
    part.values.fill(0);
    forTaps(info, first, Math.min(chunk, total - first), ({ row, tap, begin, pixel, count }) => {
      const from = gradient + ((first + row) * info.outWidth + begin) * bytes;
      multiplyAdd(
        image.at + pixel * bytes,
        from,
        part.values.byteOffset + tap * bytes,
        count,
        channels,
        step,
        bytes,
        0,
      );
    });
    rows.add.both(values.byteOffset, part.values.byteOffset, values.byteOffset, 1, size, 0, 0, 0);
  }
  image.free();
  backend.disposeData(part.dataId);
  return { dataId, shape: info.filterShape, dtype: 'float32' };
}
