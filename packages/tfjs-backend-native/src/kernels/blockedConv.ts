/**
 * Convolutions through ONNX Runtime's kernel for channel blocks: forward, and the gradient of the input, which is a
 * forward convolution of the output's gradient with the filter turned round. A few images at a time pass through
 * scratch that stays in the second-level cache; where the channels are exactly one block, nothing is moved at all.
 */
import type { backend_util } from '@tensorflow/tfjs-core';
import type { NativeBackend } from '../NativeBackend.js';
import { type BlockedConvGeometry, type BlockedConvTail, blockedConvOperator } from '../ort/blockedConv.js';
import {
  filterBytes,
  filterToBlocks,
  imageFromBlocks,
  imageToBlocks,
  isOwnBlock,
  type PixelGrid,
  readChannels,
  toBlocks,
  transposedFilterToBlocks,
  wholeImage,
} from './channelBlocks.js';
import type { Scratch } from './scratch.js';

type Conv2DInfo = backend_util.Conv2DInfo;

/** Images are moved for so many bytes at a time: most of a second-level cache of 1 MiB. */
const CHUNK_BYTES = 512 * 1024;

/** The images of a batch, and which of their pixels count. */
export interface Images {
  readonly at: number;
  readonly channels: number;
  /** Of one image, in memory. */
  readonly pixels: number;
  readonly grid: PixelGrid;
  /** Height and width as the convolution sees them. */
  readonly size: readonly [number, number];
}

/** A convolution of images that are blocked already. */
export interface Convolution {
  readonly geometry: BlockedConvGeometry;
  readonly tail: BlockedConvTail;
  /** Of a blocked filter. */
  readonly filter: number;
  /** Of numbers for whole blocks of channels. */
  readonly bias?: number;
  readonly to: Images;
}

/** `out = conv(image, filter)`, then plus `bias` (one number per channel), then ReLU if asked for. Addresses in the arena. */
export function blockedForward(
  backend: NativeBackend,
  scratch: Scratch,
  info: Conv2DInfo,
  block: number,
  image: number,
  filter: number,
  out: number,
  { bias, isRelu = false }: { readonly bias?: Float32Array | undefined; readonly isRelu?: boolean } = {},
): void {
  const { inChannels, outChannels, filterHeight, filterWidth, padInfo, strideHeight, strideWidth } = info;
  const taps = Array.from({ length: filterHeight * filterWidth }, (_, i) => i);
  const weights = scratch.take(filterBytes(inChannels, outChannels, taps.length, block), true);
  filterToBlocks(backend, weights, { filter, taps, rows: inChannels, columns: outChannels, block });
  const offsets = bias ? scratch.take(toBlocks(outChannels, block) * 4, true) : undefined;
  if (bias && offsets !== undefined) scratch.floats(offsets, outChannels).set(bias);
  const from: Images = {
    at: image,
    channels: inChannels,
    pixels: info.inHeight * info.inWidth,
    grid: wholeImage(info.inHeight * info.inWidth),
    size: [info.inHeight, info.inWidth],
  };
  const convolution: Convolution = {
    geometry: {
      kernel: [filterHeight, filterWidth],
      strides: [strideHeight, strideWidth],
      dilations: [info.dilationHeight, info.dilationWidth],
      pads: [padInfo.top, padInfo.left, padInfo.bottom, padInfo.right],
    },
    tail: bias ? (isRelu ? 'biasRelu' : 'bias') : isRelu ? 'relu' : 'none',
    filter: weights,
    ...(offsets === undefined ? {} : { bias: offsets }),
    to: {
      at: out,
      channels: outChannels,
      pixels: info.outHeight * info.outWidth,
      grid: wholeImage(info.outHeight * info.outWidth),
      size: [info.outHeight, info.outWidth],
    },
  };
  convolveBatch(backend, scratch, block, info.batchSize, from, [convolution]);
}

/**
 * Input rows (or columns) `first, first + stride, …` of one phase, and the taps of the window that reach them.
 *
 * Row y takes tap k of output row o where y + pad = o · stride + k: rows with equal (y + pad) mod stride share their
 * taps, and over those rows the gradient is a plain convolution.
 */
interface Phase {
  readonly first: number;
  readonly count: number;
  /** Taps in the order in which a forward convolution over the gradient needs them. */
  readonly taps: readonly number[];
  readonly padBefore: number;
  readonly padAfter: number;
}

/** The phases of one dimension. */
function phasesOf(length: number, outLength: number, window: number, stride: number, pad: number): Phase[] {
  const phases: Phase[] = [];
  for (let first = 0; first < Math.min(stride, length); first++) {
    const offset = (first + pad) % stride;
    const taps: number[] = [];
    for (let tap = offset; tap < window; tap += stride) taps.unshift(tap);
    const count = Math.ceil((length - first) / stride);
    const start = Math.floor((first + pad) / stride);
    phases.push({
      first,
      count,
      taps,
      padBefore: taps.length - 1 - start,
      padAfter: count - 1 + start - (outLength - 1),
    });
  }
  return phases;
}

/** The phases of both dimensions; undefined if the blocked convolution cannot do one of them (it cannot crop). */
export function inputPhases(info: Conv2DInfo): { readonly rows: Phase[]; readonly columns: Phase[] } | undefined {
  const { inHeight, inWidth, outHeight, outWidth, filterHeight, filterWidth, padInfo } = info;
  const rows = phasesOf(inHeight, outHeight, filterHeight, info.strideHeight, padInfo.top);
  const columns = phasesOf(inWidth, outWidth, filterWidth, info.strideWidth, padInfo.left);
  const isCropped = ({ taps, padBefore, padAfter }: Phase) => taps.length > 0 && (padBefore < 0 || padAfter < 0);
  return rows.some(isCropped) || columns.some(isCropped) ? undefined : { rows, columns };
}

/** The gradient of the input, phase by phase. `out` is the array at the end, in the arena. */
export function blockedInputGradient(
  backend: NativeBackend,
  scratch: Scratch,
  info: Conv2DInfo,
  block: number,
  gradient: number,
  filter: number,
  out: Float32Array,
  { rows, columns }: { readonly rows: readonly Phase[]; readonly columns: readonly Phase[] },
): void {
  const { inChannels, outChannels, inWidth, filterWidth, outHeight, outWidth } = info;
  if (rows.some(({ taps }) => taps.length === 0) || columns.some(({ taps }) => taps.length === 0)) out.fill(0);
  const phases = rows.flatMap((row) => columns.map((column) => ({ row, column })));
  const convolutions = phases
    .filter(({ row, column }) => row.taps.length * column.taps.length > 0)
    .map(({ row, column }): Convolution => {
      const taps = row.taps.flatMap((ky) => column.taps.map((kx) => ky * filterWidth + kx));
      const weights = scratch.take(filterBytes(outChannels, inChannels, taps.length, block), true);
      transposedFilterToBlocks(backend, weights, { filter, taps, rows: inChannels, columns: outChannels, block });
      const isWhole = row.count === info.inHeight && column.count === inWidth;
      return {
        geometry: {
          kernel: [row.taps.length, column.taps.length],
          strides: [1, 1],
          dilations: [1, 1],
          pads: [row.padBefore, column.padBefore, row.padAfter, column.padAfter],
        },
        tail: 'none',
        filter: weights,
        to: {
          at: out.byteOffset + (row.first * inWidth + column.first) * inChannels * 4,
          channels: inChannels,
          pixels: info.inHeight * inWidth,
          grid: isWhole
            ? wholeImage(row.count * column.count)
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
  const from: Images = {
    at: gradient,
    channels: outChannels,
    pixels: outHeight * outWidth,
    grid: wholeImage(outHeight * outWidth),
    size: [outHeight, outWidth],
  };
  convolveBatch(backend, scratch, block, info.batchSize, from, convolutions);
}

/** Computes all convolutions of the images `from`, a chunk of images at a time. */
export function convolveBatch(
  backend: NativeBackend,
  scratch: Scratch,
  block: number,
  batch: number,
  from: Images,
  convolutions: readonly Convolution[],
): void {
  const channels = readChannels(from.channels, block);
  const pixelsOf = ({ size: [height, width] }: Images): number => height * width;
  const isWritten = ({ to }: Convolution): boolean => to.channels === block && pixelsOf(to) === to.pixels;
  const outBytes = ({ to }: Convolution): number => pixelsOf(to) * toBlocks(to.channels, block) * 4;
  const isRead = isOwnBlock(from.channels, block) && pixelsOf(from) === from.pixels;
  const imageBytes = pixelsOf(from) * channels * 4;
  const resultBytes = Math.max(0, ...convolutions.map((conv) => (isWritten(conv) ? 0 : outBytes(conv))));
  const movedBytes = (isRead ? 0 : imageBytes) + resultBytes;
  const step = movedBytes === 0 ? batch : Math.max(1, Math.min(batch, Math.floor(CHUNK_BYTES / movedBytes)));
  const images = isRead ? 0 : scratch.take(step * imageBytes, from.channels !== channels);
  const results = resultBytes === 0 ? 0 : scratch.take(step * resultBytes);
  for (let first = 0; first < batch; first += step) {
    const count = Math.min(step, batch - first);
    const image = (i: number): number => from.at + (first + i) * from.pixels * from.channels * 4;
    for (let i = 0; i < count && !isRead; i++) {
      imageToBlocks(backend, image(i), images + i * imageBytes, from.channels, block, from.grid);
    }
    for (const conv of convolutions) {
      const { to, geometry, filter, bias } = conv;
      const outChannels = toBlocks(to.channels, block);
      const result = (i: number): number => to.at + (first + i) * to.pixels * to.channels * 4;
      const operator = blockedConvOperator(backend.operators, geometry, conv.tail)
        .input(0, isRead ? image(0) : images, [count, channels, ...from.size])
        .input(1, filter, [outChannels, geometry.group === undefined ? channels : 1, ...geometry.kernel]);
      if (bias !== undefined) operator.input(2, bias, [outChannels]);
      operator.run(isWritten(conv) ? result(0) : results, [count, outChannels, ...to.size]);
      for (let i = 0; i < count && !isWritten(conv); i++) {
        imageFromBlocks(backend, results + i * outBytes(conv), result(i), to.channels, block, to.grid);
      }
    }
  }
}
