/**
 * Convolutions with 1×1 windows and no padding: an NHWC image is a matrix of pixels by channels, so the output and both
 * gradients are plain products. Where the window skips pixels, those that it sees are copied together first, a part of
 * the batch at a time that stays in the second-level cache.
 */
import type { backend_util } from '@tensorflow/tfjs-core';
import type { NativeBackend } from '../NativeBackend.js';
import type { OnnxGraph } from '../ort/onnxModel.js';
import { blockedFilterGradient } from './blockedFilterGradient.js';
import { channelBlock } from './channelBlocks.js';
import { gemm } from './matMul.js';
import type { Scratch } from './scratch.js';

/** Pixels and results that are worked on at a time where they are passed over more than once. */
const CHUNK_BYTES = 512 * 1024;

/** Pixels of one image from which on the blocked form of the filter's gradient is faster than a product. */
const BLOCKED_PIXELS = 64;

type Conv2DInfo = backend_util.Conv2DInfo;

/** What follows the product: `bias` is the address of one number per output channel. */
export interface PointwiseTail {
  readonly bias?: number | undefined;
  readonly isRelu?: boolean;
}

/** Whether a convolution is a product of pixels and filter. */
export function isPointwise({ filterHeight, filterWidth, padInfo }: Conv2DInfo): boolean {
  const { top, left, bottom, right } = padInfo;
  return filterHeight * filterWidth === 1 && top + left + bottom + right === 0;
}

const isSkipping = ({ strideHeight, strideWidth, inHeight, inWidth, outHeight, outWidth }: Conv2DInfo): boolean =>
  strideHeight * strideWidth > 1 || inHeight !== outHeight || inWidth !== outWidth;

/** Rows of outputs, over all images, that make up a chunk. */
function chunkRows(info: Conv2DInfo): number {
  const rowBytes = info.outWidth * (info.inChannels + info.outChannels) * 4;
  return Math.max(1, Math.floor(CHUNK_BYTES / rowBytes));
}

function forChunks(total: number, step: number, visit: (first: number, rows: number) => void): void {
  for (let first = 0; first < total; first += step) visit(first, Math.min(step, total - first));
}

/** Copies between the pixels that are seen by output rows `first, …` and pixels without gaps. */
function moveSeen(
  backend: NativeBackend,
  info: Conv2DInfo,
  image: number,
  packed: number,
  first: number,
  rows: number,
  isPacking: boolean,
): void {
  const { inHeight, inWidth, inChannels, outHeight, outWidth, strideHeight, strideWidth } = info;
  const bytes = inChannels * 4;
  const { copyRows } = backend.simd;
  for (let row = 0; row < rows; row++) {
    const [n, y] = [Math.floor((first + row) / outHeight), (first + row) % outHeight];
    const seen = image + (n * inHeight + y * strideHeight) * inWidth * bytes;
    const at = packed + row * outWidth * bytes;
    if (isPacking) copyRows(seen, at, outWidth, bytes, strideWidth * bytes, bytes);
    else copyRows(at, seen, outWidth, bytes, bytes, strideWidth * bytes);
  }
}

/** `out = image · filter`, then plus `bias`, then ReLU if asked for. Addresses in the arena. */
export function pointwiseForward(
  backend: NativeBackend,
  scratch: Scratch,
  info: Conv2DInfo,
  image: number,
  filter: number,
  out: number,
  { bias, isRelu = false }: PointwiseTail = {},
): void {
  const { inChannels, outChannels, outWidth } = info;
  const isSkipped = isSkipping(info);
  const total = info.batchSize * info.outHeight;
  // The tail reads the product again: while it is in the cache.
  const step = isSkipped || bias !== undefined || isRelu ? chunkRows(info) : total;
  const packed = isSkipped ? scratch.take(Math.min(step, total) * outWidth * inChannels * 4) : 0;
  forChunks(total, step, (first, rows) => {
    if (isSkipped) moveSeen(backend, info, image, packed, first, rows, true);
    const pixels = isSkipped ? packed : image + first * outWidth * inChannels * 4;
    const operator = backend.operators
      .get(`FusedGemm ${bias !== undefined} ${isRelu}`, () => fusedGraph(bias !== undefined, isRelu), true)
      .input(0, pixels, [rows * outWidth, inChannels])
      .input(1, filter, [inChannels, outChannels]);
    if (bias !== undefined) operator.input(2, bias, [outChannels]);
    operator.run(out + first * outWidth * outChannels * 4, [rows * outWidth, outChannels]);
  });
}

const fusedGraph = (hasBias: boolean, isRelu: boolean): OnnxGraph => ({
  inputs: { a: 'float32', b: 'float32', ...(hasBias ? { c: 'float32' } : {}) },
  outputs: { y: 'float32' },
  nodes: [
    {
      op: isRelu ? 'FusedGemm' : 'Gemm',
      ...(isRelu ? { domain: 'com.microsoft', attributes: { activation: 'Relu' } } : {}),
      inputs: hasBias ? ['a', 'b', 'c'] : ['a', 'b'],
      outputs: ['y'],
    },
  ],
});

/** `out = gradient · filterᵀ`; `out` is an array in the arena. */
export function pointwiseInputGradient(
  backend: NativeBackend,
  scratch: Scratch,
  info: Conv2DInfo,
  gradient: number,
  filter: number,
  out: Float32Array,
): void {
  const { inChannels, outChannels, outWidth } = info;
  const total = info.batchSize * info.outHeight;
  if (!isSkipping(info)) {
    gemm(backend, gradient, filter, out.byteOffset, total * outWidth, outChannels, inChannels, false, true);
    return;
  }
  out.fill(0);
  const step = chunkRows(info);
  const packed = scratch.take(Math.min(step, total) * outWidth * inChannels * 4);
  forChunks(total, step, (first, rows) => {
    const from = gradient + first * outWidth * outChannels * 4;
    gemm(backend, from, filter, packed, rows * outWidth, outChannels, inChannels, false, true);
    moveSeen(backend, info, out.byteOffset, packed, first, rows, false);
  });
}

/** `out = imageᵀ · gradient`, `[ci, co]`. Addresses in the arena. */
export function pointwiseFilterGradient(
  backend: NativeBackend,
  scratch: Scratch,
  info: Conv2DInfo,
  image: number,
  gradient: number,
  out: number,
): void {
  const { inChannels, outChannels, outWidth } = info;
  const total = info.batchSize * info.outHeight;
  let pixels = image;
  if (isSkipping(info)) {
    pixels = scratch.take(total * outWidth * inChannels * 4);
    moveSeen(backend, info, image, pixels, 0, total, true);
  }
  const rows = total * outWidth;
  const block = channelBlock(backend);
  const narrow = Math.min(inChannels, outChannels);
  // Gemm packs its transposed operand again for every few columns, the blocked form moves its second one: in both it
  // is the narrower.
  if (block === 0 || narrow % block > 0 || info.outHeight * outWidth < BLOCKED_PIXELS) {
    if (inChannels <= outChannels) {
      gemm(backend, pixels, gradient, out, inChannels, rows, outChannels, true, false);
      return;
    }
    const product = scratch.take(inChannels * outChannels * 4);
    gemm(backend, gradient, pixels, product, outChannels, rows, inChannels, true, false);
    backend.simd.transpose(product, out, outChannels, inChannels, inChannels * 4, outChannels * 4);
    return;
  }
  const seen = { inHeight: info.outHeight, inWidth: outWidth, strideHeight: 1, strideWidth: 1 };
  if (inChannels >= outChannels) {
    blockedFilterGradient(backend, scratch, { ...info, ...seen }, block, pixels, gradient, out);
    return;
  }
  const swapped = { ...info, ...seen, inChannels: outChannels, outChannels: inChannels };
  const product = scratch.take(inChannels * outChannels * 4);
  blockedFilterGradient(backend, scratch, swapped, block, gradient, pixels, product);
  backend.simd.transpose(product, out, outChannels, inChannels, inChannels * 4, outChannels * 4);
}
