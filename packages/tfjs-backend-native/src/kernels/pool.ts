/**
 * Pooling of NHWC images and its gradients: a window place at a time over a whole output row, all channels together.
 *
 * As in the cpu backend, a maximum passes NaN over and belongs to the first place that has it; an average counts pixels
 * inside the image only, while its gradient divides by the whole window.
 */
import { backend_util, type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { NativeBackend } from '../NativeBackend.js';
import { areFloat, type NativeKernels, sizeOf } from './NativeKernel.js';
import { forTaps } from './taps.js';

type PoolInfo = backend_util.Conv2DInfo;

export const poolKernels: NativeKernels = {
  MaxPool: ({ inputs: { x }, attrs, backend }) => pool(backend, 'MaxPool', x, attrs),
  AvgPool: ({ inputs: { x }, attrs, backend }) => pool(backend, 'AvgPool', x, attrs),

  MaxPoolGrad({ inputs: { dy, input, output }, attrs, backend }) {
    const info = poolInfo(input, attrs, attrs.dimRoundingMode);
    if (!areFloat(backend, dy, input, output) || !fits(dy, info) || !fits(output, info)) return undefined;
    return maxGradient(backend, dy, input, output, info);
  },

  AvgPoolGrad({ inputs: { dy, input }, attrs, backend }) {
    const info = poolInfo(input, attrs, undefined);
    if (!areFloat(backend, dy, input) || !fits(dy, info)) return undefined;
    return averageGradient(backend, dy, info);
  },
};

// biome-ignore lint/suspicious/noExplicitAny: attributes as tfjs-core defines them for these kernels
function poolInfo(x: TensorInfo, { filterSize, strides, pad }: any, rounding: 'floor' | 'round' | 'ceil' | undefined) {
  return backend_util.computePool2DInfo(
    x.shape as [number, number, number, number],
    filterSize,
    strides,
    1,
    pad,
    rounding,
  );
}

function fits(info: TensorInfo, { outShape, inShape }: PoolInfo): boolean {
  return util.arraysEqual(info.shape, outShape) && sizeOf(inShape) > 0 && sizeOf(outShape) > 0;
}

// biome-ignore lint/suspicious/noExplicitAny: as above
function pool(backend: NativeBackend, kernel: 'MaxPool' | 'AvgPool', x: TensorInfo, attrs: any) {
  const info = poolInfo(x, attrs, attrs.dimRoundingMode);
  const { outShape, outWidth, inChannels } = info;
  const size = sizeOf(outShape);
  if (!areFloat(backend, x) || size === 0 || sizeOf(x.shape) === 0) return undefined;
  if (info.filterWidth === 1 && info.filterHeight === 1 && util.arraysEqual(info.inShape, outShape)) {
    return backend.share(x);
  }
  const image = backend.address(x.dataId);
  const { dataId, values } = backend.allocate(kernel, size, 'float32');
  const isMaximum = kernel === 'MaxPool';
  values.fill(isMaximum ? -Infinity : 0);
  const pixelBytes = inChannels * 4;
  const accumulate = backend.simd.rows[isMaximum ? 'largerOf' : 'add'].both;
  const step = info.strideWidth * pixelBytes;
  forTaps(info, 0, info.batchSize * info.outHeight, ({ row, begin, pixel, count }) => {
    const out = values.byteOffset + (row * outWidth + begin) * pixelBytes;
    accumulate(out, image + pixel * pixelBytes, out, count, inChannels, pixelBytes, step, pixelBytes);
  });
  if (!isMaximum) divideByCounts(backend, values.byteOffset, info);
  return { dataId, shape: outShape, dtype: 'float32' as const };
}

/** Divides each output by the number of pixels that its window has inside the image. */
function divideByCounts(backend: NativeBackend, out: number, info: PoolInfo): void {
  const { outHeight, outWidth, inChannels, batchSize } = info;
  const counts = backend.allocate('AvgPool', outHeight * outWidth, 'float32');
  counts.values.fill(0);
  forTaps(info, 0, outHeight, ({ row, begin, count }) => {
    for (let i = 0; i < count; i++) counts.values[row * outWidth + begin + i]! += 1;
  });
  const pixels = outHeight * outWidth;
  const bytes = inChannels * 4;
  for (let image = 0; image < batchSize; image++) {
    const at = out + image * pixels * bytes;
    backend.simd.rows.div.scalarB(at, counts.values.byteOffset, at, pixels, inChannels, bytes, 4, bytes);
  }
  backend.disposeData(counts.dataId);
}

function maxGradient(
  backend: NativeBackend,
  dy: TensorInfo,
  input: TensorInfo,
  output: TensorInfo,
  info: PoolInfo,
): TensorInfo {
  const [x, y] = [backend.address(input.dataId), backend.address(output.dataId)];
  const gradient = backend.floats(dy);
  const { dataId, values } = backend.allocate('MaxPoolGrad', sizeOf(info.inShape), 'float32');
  const rest = backend.allocate('MaxPoolGrad', gradient.length, 'float32');
  values.fill(0);
  rest.values.set(gradient);
  const bytes = info.inChannels * 4;
  const step = info.strideWidth * bytes;
  const claim = backend.simd.claimMaximum;
  forTaps(info, 0, info.batchSize * info.outHeight, ({ row, begin, pixel, count }) => {
    const at = (row * info.outWidth + begin) * bytes;
    const from = pixel * bytes;
    const [left, dx] = [rest.values.byteOffset + at, values.byteOffset + from];
    claim(x + from, y + at, left, dx, count, info.inChannels, step, bytes, bytes, step);
  });
  backend.disposeData(rest.dataId);
  return { dataId, shape: info.inShape, dtype: 'float32' };
}

function averageGradient(backend: NativeBackend, dy: TensorInfo, info: PoolInfo): TensorInfo {
  const gradient = backend.address(dy.dataId);
  const { dataId, values } = backend.allocate('AvgPoolGrad', sizeOf(info.inShape), 'float32');
  values.fill(0);
  const bytes = info.inChannels * 4;
  const step = info.strideWidth * bytes;
  const add = backend.simd.rows.add.both;
  forTaps(info, 0, info.batchSize * info.outHeight, ({ row, begin, pixel, count }) => {
    const dx = values.byteOffset + pixel * bytes;
    const from = gradient + (row * info.outWidth + begin) * bytes;
    add(dx, from, dx, count, info.inChannels, step, bytes, step);
  });
  const share = 1 / (info.filterHeight * info.filterWidth);
  backend.simd.unary.affine(values.byteOffset, values.byteOffset, values.length, share, 0);
  return { dataId, shape: info.inShape, dtype: 'float32' };
}
