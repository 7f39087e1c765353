/**
 * The gradient of a convolution's filter as a convolution again, through ONNX Runtime's kernel for channel blocks.
 *
 * dW[ky, kx, ci, co] = Σ x[n, oy·s + ky, ox·s + kx, ci] · dy[n, oy, ox, co] over n, oy, ox. Read x as images with the
 * batch as channels and rows of width·ci numbers: then dy is the filter, of the size of the whole output, one step in ox
 * is a dilation by s·ci, and kw·ci neighbouring results are the kw taps and ci channels. No patches are ever written.
 */
import type { backend_util } from '@tensorflow/tfjs-core';
import type { NativeBackend } from '../NativeBackend.js';
import { blockedConvOperator } from '../ort/blockedConv.js';
import { toBlocks } from './channelBlocks.js';
import type { Scratch } from './scratch.js';

type Conv2DInfo = backend_util.Conv2DInfo;

/** Pixels and gradients that are worked on at a time stay in a second-level cache of 1 MiB. */
const CHUNK_BYTES = 512 * 1024;
/** Terms that are summed up in float32 before the subtotal is put aside. */
const CHUNK_TERMS = 4096;

/** `out = ∂L/∂filter`, `[kh, kw, ci, co]`. Addresses in the arena. */
export function blockedFilterGradient(
  backend: NativeBackend,
  scratch: Scratch,
  info: Conv2DInfo,
  block: number,
  image: number,
  gradient: number,
  out: number,
): void {
  const { batchSize, outHeight, outWidth, inChannels, outChannels, filterHeight, filterWidth } = info;
  const { images, rows } = chunkOf(info, block);
  const { strideHeight: strideY, strideWidth: strideX } = info;
  const channels = toBlocks(outChannels, block);
  const width = ((outWidth - 1) * strideX + filterWidth) * inChannels;
  const height = (rows - 1) * strideY + filterHeight;
  const sums = scratch.take(channels * filterHeight * filterWidth * inChannels * 4, true);
  const isOwnWindow = isOwn(info);
  const pixels = isOwnWindow ? 0 : scratch.take(images * height * width * 4, true);
  const gradients = outChannels === block ? 0 : scratch.take(images * rows * outWidth * channels * 4, true);
  const sumDims = [1, channels, filterHeight, filterWidth * inChannels];
  const { copyRows } = backend.simd;
  for (let first = 0; first < batchSize; first += images) {
    const count = Math.min(images, batchSize - first);
    for (let top = 0; top < outHeight; top += rows) {
      const runRows = Math.min(rows, outHeight - top);
      const runHeight = (runRows - 1) * strideY + filterHeight;
      const firstPixel = (first * outHeight + top) * outWidth;
      if (outChannels !== block) {
        const run = count * runRows * outWidth;
        for (let channel = 0; channel < outChannels; channel += block) {
          const from = gradient + (firstPixel * outChannels + channel) * 4;
          const bytes = Math.min(block, outChannels - channel) * 4;
          copyRows(from, gradients + channel * run * 4, run, bytes, outChannels * 4, block * 4);
        }
      }
      for (let i = 0; i < count && !isOwnWindow; i++) {
        const to = pixels + i * runHeight * width * 4;
        copyWindow(backend, info, image, to, first + i, top, runHeight, width);
      }
      blockedConvOperator(
        backend.operators,
        {
          kernel: [runRows, outWidth],
          strides: [1, 1],
          dilations: [strideY, strideX * inChannels],
          pads: [0, 0, 0, 0],
        },
        'accumulate',
      )
        .input(0, isOwnWindow ? image + firstPixel * inChannels * 4 : pixels, [1, count, runHeight, width])
        .input(1, outChannels === block ? gradient + firstPixel * block * 4 : gradients, [
          channels,
          count,
          runRows,
          outWidth,
        ])
        .input(2, sums, sumDims)
        .run(sums, sumDims);
    }
  }
  const taps = filterHeight * filterWidth * inChannels;
  for (let channel = 0; channel < outChannels; channel += block) {
    const bytes = Math.min(block, outChannels - channel) * 4;
    copyRows(sums + channel * taps * 4, out + channel * 4, taps, bytes, block * 4, outChannels * 4);
  }
}

/** Whether the windows see the image as it is: one pixel each, all of them. */
const isOwn = (info: Conv2DInfo): boolean =>
  info.filterHeight * info.filterWidth * info.strideHeight * info.strideWidth === 1 &&
  info.inHeight === info.outHeight &&
  info.inWidth === info.outWidth;

/** How many images, or how many output rows of one image, are worked on at a time. */
function chunkOf(info: Conv2DInfo, block: number): { readonly images: number; readonly rows: number } {
  const { outHeight, outWidth, inChannels, outChannels, strideHeight, strideWidth, batchSize } = info;
  const perRow = (outWidth * toBlocks(outChannels, block) + strideHeight * strideWidth * outWidth * inChannels) * 4;
  const images = Math.floor(CHUNK_BYTES / (perRow * outHeight));
  // As many images as a block has channels would be read in another layout.
  if (images > 0 && outHeight * outWidth <= CHUNK_TERMS) {
    return { images: Math.min(images, batchSize, block - 1), rows: outHeight };
  }
  const byTerms = Math.floor(CHUNK_TERMS / outWidth);
  // The rows that two runs share are copied twice: not too few.
  const byBytes = Math.max(Math.floor(CHUNK_BYTES / perRow), 4 * info.filterHeight);
  return { images: 1, rows: Math.max(1, Math.min(byTerms, byBytes, outHeight)) };
}

/** Copies the pixels that the windows of some output rows see, into an area whose border is zero. */
function copyWindow(
  backend: NativeBackend,
  info: Conv2DInfo,
  image: number,
  to: number,
  n: number,
  top: number,
  height: number,
  width: number,
): void {
  const { inHeight, inWidth, inChannels, padInfo } = info;
  const firstY = top * info.strideHeight - padInfo.top;
  const before = Math.min(height, Math.max(0, -firstY));
  const after = Math.max(0, firstY + height - inHeight);
  const rows = Math.max(0, height - before - after);
  const columns = Math.min(inWidth, width / inChannels - padInfo.left);
  const area = new Float32Array(backend.arena.memory.buffer, to, height * width);
  // Runs of one image have their borders in different places.
  area.fill(0, 0, before * width);
  area.fill(0, (before + rows) * width);
  if (rows === 0 || columns <= 0) return;
  const from = image + (n * inHeight + firstY + before) * inWidth * inChannels * 4;
  const target = to + (before * width + padInfo.left * inChannels) * 4;
  backend.simd.copyRows(from, target, rows, columns * inChannels * 4, inWidth * inChannels * 4, width * 4);
}
