/**
 * Depthwise convolutions through ONNX Runtime's kernel for channel blocks, where every channel has one filter and there
 * is at least one whole block: forward, and the gradient of the input by phases as in `blockedConv.ts`.
 */
import type { backend_util } from '@tensorflow/tfjs-core';
import type { NativeBackend } from '../NativeBackend.js';
import { type Convolution, convolveBatch, type Images, inputPhases } from './blockedConv.js';
import { channelBlock, toBlocks, wholeImage } from './channelBlocks.js';
import type { Scratch } from './scratch.js';

type Info = backend_util.Conv2DInfo;

/** Whether the forward convolution can be done in blocks. */
export function isBlockedDepthwise(backend: NativeBackend, info: Info): boolean {
  const block = channelBlock(backend);
  return block > 0 && info.inChannels === info.outChannels && info.inChannels >= block;
}

/** `out = depthwise(image, filter)`; addresses in the arena. */
export function blockedDepthwise(
  backend: NativeBackend,
  scratch: Scratch,
  info: Info,
  image: number,
  filter: number,
  out: number,
): void {
  const { filterHeight, filterWidth, padInfo } = info;
  const taps = Array.from({ length: filterHeight * filterWidth }, (_, i) => i);
  const from = imagesOf(info.inChannels, image, [info.inHeight, info.inWidth]);
  convolveBatch(backend, scratch, channelBlock(backend), info.batchSize, from, [
    {
      geometry: {
        kernel: [filterHeight, filterWidth],
        strides: [info.strideHeight, info.strideWidth],
        dilations: [info.dilationHeight, info.dilationWidth],
        pads: [padInfo.top, padInfo.left, padInfo.bottom, padInfo.right],
        group: toBlocks(info.inChannels, channelBlock(backend)),
      },
      tail: 'none',
      filter: blockTaps(backend, scratch, filter, taps, info.inChannels),
      to: imagesOf(info.inChannels, out, [info.outHeight, info.outWidth]),
    },
  ]);
}

/** `out = ∂L/∂image`; false if the blocked convolution cannot do it. `out` is an array in the arena. */
export function blockedDepthwiseInputGradient(
  backend: NativeBackend,
  scratch: Scratch,
  info: Info,
  gradient: number,
  filter: number,
  out: Float32Array,
): boolean {
  const { inChannels: channels, inHeight, inWidth } = info;
  const phases = info.dilationHeight * info.dilationWidth > 1 ? undefined : inputPhases(info);
  if (!phases) return false;
  const pairs = phases.rows.flatMap((row) => phases.columns.map((column) => ({ row, column })));
  if (pairs.some(({ row, column }) => row.taps.length * column.taps.length === 0)) out.fill(0);
  const convolutions = pairs
    .filter(({ row, column }) => row.taps.length * column.taps.length > 0)
    .map(({ row, column }): Convolution => {
      const taps = row.taps.flatMap((ky) => column.taps.map((kx) => ky * info.filterWidth + kx));
      const isWhole = row.count === inHeight && column.count === inWidth;
      return {
        geometry: {
          kernel: [row.taps.length, column.taps.length],
          strides: [1, 1],
          dilations: [1, 1],
          pads: [row.padBefore, column.padBefore, row.padAfter, column.padAfter],
          group: toBlocks(channels, channelBlock(backend)),
        },
        tail: 'none',
        filter: blockTaps(backend, scratch, filter, taps, channels),
        to: {
          at: out.byteOffset + (row.first * inWidth + column.first) * channels * 4,
          channels,
          pixels: inHeight * inWidth,
          grid: isWhole
            ? wholeImage(inHeight * inWidth)
            : {
                rows: row.count,
                columns: column.count,
                rowStep: info.strideHeight * inWidth,
                columnStep: info.strideWidth,
              },
          size: [row.count, column.count],
        },
      };
    });
  const from = imagesOf(channels, gradient, [info.outHeight, info.outWidth]);
  convolveBatch(backend, scratch, channelBlock(backend), info.batchSize, from, convolutions);
  return true;
}

function imagesOf(channels: number, at: number, size: readonly [number, number]): Images {
  const pixels = size[0] * size[1];
  return { at, channels, pixels, grid: wholeImage(pixels), size };
}

/** The filter `[taps][channels]` as `[channels / B][taps][B]`. */
function blockTaps(
  backend: NativeBackend,
  scratch: Scratch,
  filter: number,
  taps: readonly number[],
  channels: number,
): number {
  const block = channelBlock(backend);
  const blocked = scratch.take(toBlocks(channels, block) * taps.length * 4, true);
  for (let first = 0; first < channels; first += block) {
    taps.forEach((tap, i) => {
      const to = blocked + (first * taps.length + i * block) * 4;
      backend.simd.copyRows(filter + (tap * channels + first) * 4, to, 1, Math.min(block, channels - first) * 4, 0, 0);
    });
  }
  return blocked;
}
