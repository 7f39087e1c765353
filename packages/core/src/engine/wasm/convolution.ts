/**
 * Gradients of convolutions. tfjs-wasm has no gradient of the filter, and computes that of the input by plain loops. Here
 * both become what XNNPACK is fast at: the filter's a product of matrices, the input's a convolution.
 */
import * as tf from '@tensorflow/tfjs-core';
import {
  addressOf,
  elements,
  floatsAt,
  floatsOf,
  type KernelArgs,
  replaceKernel,
  type WasmBackend,
} from './backend.js';
import { onCpu } from './bridge.js';
import { productOf } from './matMul.js';

/** Bytes of the unfolded images of one product: few, so that they stay in a cache. */
const UNFOLDED_BYTES = 8 * 2 ** 20;

type Conv2DInfo = tf.backend_util.Conv2DInfo;

interface Attrs {
  readonly strides: number | [number, number];
  readonly pad: 'valid' | 'same' | number | tf.backend_util.ExplicitPadding;
  readonly dilations?: number | [number, number];
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
  readonly dataFormat: 'NHWC' | 'NCHW';
  readonly filterShape: [number, number, number, number];
  readonly inputShape: [number, number, number, number];
}

/** Registers Conv2DBackpropFilter and replaces Conv2DBackpropInput. */
export function replaceConvolutionGradients(): void {
  replaceKernel('Conv2DBackpropFilter', () => (args) => {
    const { x, dy } = args.inputs as { x: tf.TensorInfo; dy: tf.TensorInfo };
    const attrs = args.attrs as unknown as Attrs;
    if (attrs.dataFormat === 'NCHW' || x.dtype !== 'float32' || dy.dtype !== 'float32') {
      return onCpu(tf.getKernel('Conv2DBackpropFilter', 'cpu').kernelFunc, args) as tf.TensorInfo;
    }
    return filterGradient(args.backend, x, dy, infoOf(x.shape, attrs.filterShape, attrs));
  });
  replaceKernel('Conv2DBackpropInput', (stock) => (args) => {
    const { dy, filter } = args.inputs as { dy: tf.TensorInfo; filter: tf.TensorInfo };
    const attrs = args.attrs as unknown as Attrs;
    const isPlain = attrs.dataFormat !== 'NCHW' && dy.dtype === 'float32' && filter.dtype === 'float32';
    const result = isPlain
      ? inputGradient(args.backend, dy, filter, infoOf(attrs.inputShape, filter.shape, attrs))
      : undefined;
    return result ?? stock(args);
  });
}

function infoOf(inputShape: readonly number[], filterShape: readonly number[], attrs: Attrs): Conv2DInfo {
  return tf.backend_util.computeConv2DInfo(
    inputShape as [number, number, number, number],
    filterShape as [number, number, number, number],
    attrs.strides,
    attrs.dilations ?? 1,
    attrs.pad,
    attrs.dimRoundingMode,
    false,
  );
}

/**
 * dW `[h·w·in, out]` = Uᵀ·dy: U are the unfolded images, one row per output pixel. Uᵀ is written directly, some images
 * at a time, and the products are added up.
 */
function filterGradient(backend: WasmBackend, x: tf.TensorInfo, dy: tf.TensorInfo, info: Conv2DInfo): tf.TensorInfo {
  const { batchSize, outHeight, outWidth, outChannels, inChannels, filterHeight, filterWidth } = info;
  const out = backend.makeOutput([filterHeight, filterWidth, inChannels, outChannels], 'float32');
  const rows = filterHeight * filterWidth * inChannels;
  const pixels = outHeight * outWidth;
  const size = rows * outChannels;
  floatsOf(backend, out).fill(0);
  if (size === 0 || pixels * batchSize === 0) return out;
  const images = Math.max(1, Math.min(batchSize, Math.floor(UNFOLDED_BYTES / (4 * rows * pixels))));
  const unfolded = backend.wasm._malloc(4 * rows * pixels * images) >>> 0;
  const part = backend.wasm._malloc(4 * size) >>> 0;
  try {
    const multiply = productOf(backend);
    for (let first = 0; first < batchSize; first += images) {
      const count = Math.min(images, batchSize - first);
      unfoldInto(floatsOf(backend, x), info, first, count, floatsAt(backend, unfolded, rows * pixels * count));
      const dyAt = addressOf(backend, dy) + 4 * first * pixels * outChannels;
      multiply(unfolded, dyAt, part, rows, pixels * count, outChannels);
      const sum = floatsOf(backend, out);
      const added = floatsAt(backend, part, size);
      for (let i = 0; i < size; i++) sum[i]! += added[i]!;
    }
  } finally {
    backend.wasm._free(unfolded);
    backend.wasm._free(part);
  }
  return out;
}

/** Writes `[filter row, filter column, channel][image, output row, output column]`; outside of the image lie zeros. */
function unfoldInto(x: Float32Array, info: Conv2DInfo, first: number, count: number, to: Float32Array): void {
  const { inHeight, inWidth, inChannels, outHeight, outWidth, filterHeight, filterWidth } = info;
  const { strideHeight, strideWidth, dilationHeight, dilationWidth, padInfo } = info;
  const pixels = outHeight * outWidth * count;
  for (let b = 0; b < count; b++) {
    for (let oy = 0; oy < outHeight; oy++) {
      const column = (b * outHeight + oy) * outWidth;
      for (let fy = 0; fy < filterHeight; fy++) {
        const iy = oy * strideHeight + fy * dilationHeight - padInfo.top;
        const isInside = iy >= 0 && iy < inHeight;
        const line = ((first + b) * inHeight + iy) * inWidth * inChannels;
        for (let fx = 0; fx < filterWidth; fx++) {
          const shift = fx * dilationWidth - padInfo.left;
          // Output columns whose input column lies inside.
          const low = isInside ? Math.min(outWidth, Math.max(0, Math.ceil(-shift / strideWidth))) : outWidth;
          const high = isInside ? Math.max(low, Math.min(outWidth, Math.ceil((inWidth - shift) / strideWidth))) : low;
          const step = strideWidth * inChannels;
          for (let c = 0; c < inChannels; c++) {
            const row = ((fy * filterWidth + fx) * inChannels + c) * pixels + column;
            for (let ox = 0; ox < low; ox++) to[row + ox] = 0;
            let from = line + (low * strideWidth + shift) * inChannels + c;
            for (let ox = low; ox < high; ox++, from += step) to[row + ox] = x[from]!;
            for (let ox = high; ox < outWidth; ox++) to[row + ox] = 0;
          }
        }
      }
    }
  }
}

/** dx is the convolution of dy, spread out by the strides, with the filter turned by 180° and its channels exchanged. */
function inputGradient(
  backend: WasmBackend,
  dy: tf.TensorInfo,
  filter: tf.TensorInfo,
  info: Conv2DInfo,
): tf.TensorInfo | undefined {
  const { batchSize, inHeight, inWidth, inChannels, outHeight, outWidth, outChannels, padInfo } = info;
  const { filterHeight, filterWidth, strideHeight, strideWidth, dilationHeight, dilationWidth } = info;
  const spreadHeight = (outHeight - 1) * strideHeight + 1;
  const spreadWidth = (outWidth - 1) * strideWidth + 1;
  const top = (filterHeight - 1) * dilationHeight - padInfo.top;
  const left = (filterWidth - 1) * dilationWidth - padInfo.left;
  const bottom = inHeight + padInfo.top - spreadHeight;
  const right = inWidth + padInfo.left - spreadWidth;
  // tfjs lets dy have another shape than the convolution gives, and reads a part of it.
  const fits = dy.shape.every((d, axis) => d === info.outShape[axis]);
  if (!fits || Math.min(top, left, bottom, right) < 0 || elements(dy.shape) === 0 || elements(filter.shape) === 0) {
    return undefined;
  }
  const turned = backend.makeOutput([filterHeight, filterWidth, outChannels, inChannels], 'float32');
  turnInto(floatsOf(backend, filter), filterHeight * filterWidth, inChannels, outChannels, floatsOf(backend, turned));
  let source = dy;
  if (strideHeight > 1 || strideWidth > 1) {
    source = backend.makeOutput([batchSize, spreadHeight, spreadWidth, outChannels], 'float32');
    const from = floatsOf(backend, dy);
    const to = floatsOf(backend, source).fill(0);
    for (let b = 0, at = 0; b < batchSize; b++) {
      for (let y = 0; y < outHeight; y++) {
        for (let x = 0; x < outWidth; x++, at += outChannels) {
          const target = ((b * spreadHeight + y * strideHeight) * spreadWidth + x * strideWidth) * outChannels;
          for (let c = 0; c < outChannels; c++) to[target + c] = from[at + c]!;
        }
      }
    }
  }
  const pad = [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ];
  try {
    return (tf.getKernel('Conv2D', 'wasm').kernelFunc as unknown as (args: KernelArgs) => tf.TensorInfo)({
      inputs: { x: source, filter: turned },
      backend,
      attrs: { strides: 1, pad, dilations: [dilationHeight, dilationWidth], dataFormat: 'NHWC' },
    });
  } finally {
    backend.disposeData(turned.dataId);
    if (source !== dy) backend.disposeData(source.dataId);
  }
}

/** `[place, in, out]` to `[last place first, out, in]`. */
function turnInto(from: Float32Array, places: number, ins: number, outs: number, to: Float32Array): void {
  for (let p = 0; p < places; p++) {
    const target = (places - 1 - p) * ins * outs;
    for (let i = 0, at = p * ins * outs; i < ins; i++) {
      for (let o = 0; o < outs; o++, at++) to[target + o * ins + i] = from[at]!;
    }
  }
}
