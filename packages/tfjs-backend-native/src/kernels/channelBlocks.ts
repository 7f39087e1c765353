/**
 * Moving images and filters between tfjs's layouts (NHWC, HWIO) and the channel blocks of `ort/blockedConv.ts`.
 *
 * Channels that fill no whole block are followed by zeros; those are written by the caller, once, and stay.
 */
import type { NativeBackend } from '../NativeBackend.js';
import { findChannelBlock } from '../ort/blockedConv.js';

const known = new WeakMap<NativeBackend, number>();

/** Channels in a block on this machine; 0 where ONNX Runtime has no blocked convolution. */
export function channelBlock(backend: NativeBackend): number {
  const found = known.get(backend);
  if (found !== undefined) return found;
  const { arena, operators } = backend;
  const scratch = arena.allocate(4096, 'Conv2D');
  const block = findChannelBlock(operators, arena.memory.buffer, arena.offsetBytes(scratch));
  arena.free(scratch);
  known.set(backend, block);
  return block;
}

/** A number rounded up to whole blocks. */
export const toBlocks = (channels: number, block: number): number => Math.ceil(channels / block) * block;

/** Channels that the blocked form of an image to be read has: few stay as they are. */
export const readChannels = (channels: number, block: number): number =>
  channels < block ? channels : toBlocks(channels, block);

/** Whether the blocked form of an image to be read is the image itself. */
export const isOwnBlock = (channels: number, block: number): boolean => channels === block || channels === 1;

/** Pixels of one image: `rows` runs of `columns`, both at regular distances, in pixels. */
export interface PixelGrid {
  readonly rows: number;
  readonly columns: number;
  readonly rowStep: number;
  readonly columnStep: number;
}

/** All pixels of an image in sequence. */
export const wholeImage = (pixels: number): PixelGrid => ({ rows: 1, columns: pixels, rowStep: 0, columnStep: 1 });

/** Pixels are moved so many bytes at a time, all their blocks in turn: a line of the cache is fetched once. */
const TILE_BYTES = 8192;

/** Brings one image, or every so-manieth pixel of it, into the form that the convolution reads. */
export function imageToBlocks(
  backend: NativeBackend,
  image: number,
  out: number,
  channels: number,
  block: number,
  { rows, columns, rowStep, columnStep }: PixelGrid,
): void {
  const { copyRows, transpose } = backend.simd;
  const pixelBytes = channels * 4;
  const plane = rows * columns;
  for (let row = 0; row < rows; row++) {
    const from = image + row * rowStep * pixelBytes;
    if (channels < block) {
      transpose(from, out + row * columns * 4, columns, channels, columnStep * pixelBytes, plane * 4);
      continue;
    }
    const step = Math.ceil(TILE_BYTES / pixelBytes);
    for (let tile = 0; tile < columns; tile += step) {
      for (let first = 0; first < channels; first += block) {
        const to = out + (first * plane + (row * columns + tile) * block) * 4;
        const bytes = Math.min(block, channels - first) * 4;
        const at = from + tile * columnStep * pixelBytes + first * 4;
        copyRows(at, to, Math.min(step, columns - tile), bytes, columnStep * pixelBytes, block * 4);
      }
    }
  }
}

/** Brings one image back out of the blocks that a convolution has written. */
export function imageFromBlocks(
  backend: NativeBackend,
  blocks: number,
  out: number,
  channels: number,
  block: number,
  { rows, columns, rowStep, columnStep }: PixelGrid,
): void {
  const { copyRows } = backend.simd;
  const pixelBytes = channels * 4;
  const step = Math.ceil(TILE_BYTES / pixelBytes);
  for (let row = 0; row < rows; row++) {
    for (let tile = 0; tile < columns; tile += step) {
      for (let first = 0; first < channels; first += block) {
        const from = blocks + (first * rows * columns + (row * columns + tile) * block) * 4;
        const to = out + (row * rowStep + tile * columnStep) * pixelBytes + first * 4;
        const bytes = Math.min(block, channels - first) * 4;
        copyRows(from, to, Math.min(step, columns - tile), bytes, block * 4, columnStep * pixelBytes);
      }
    }
  }
}

/** A matrix of the filter for every tap of the window: `[taps][inChannels][outChannels]` in memory. */
export interface FilterTaps {
  readonly filter: number;
  /** Places in the window (`ky · width + kx`) that the blocked filter shall hold, in its order. */
  readonly taps: readonly number[];
  /** Sizes of the matrix as it lies in memory. */
  readonly rows: number;
  readonly columns: number;
  readonly block: number;
}

/** Bytes of a blocked filter from `inputs` to `outputs` channels. */
export const filterBytes = (inputs: number, outputs: number, taps: number, block: number): number =>
  readChannels(inputs, block) * toBlocks(outputs, block) * taps * 4;

/** Blocks the filter of a forward convolution: from the rows' channels to the columns'. */
export function filterToBlocks(
  backend: NativeBackend,
  out: number,
  { filter, taps, rows, columns, block }: FilterTaps,
): void {
  const { copyRows } = backend.simd;
  const isPlain = rows < block;
  const step = isPlain ? rows : block;
  const blockBytes = step * block * 4;
  let to = out;
  for (let column = 0; column < columns; column += block) {
    const bytes = Math.min(block, columns - column) * 4;
    for (let row = 0; row < rows; row += step) {
      const count = Math.min(step, rows - row);
      taps.forEach((tap, i) => {
        const from = filter + ((tap * rows + row) * columns + column) * 4;
        if (isPlain) copyRows(from, to + i * block * 4, count, bytes, columns * 4, taps.length * block * 4);
        else copyRows(from, to + i * blockBytes, count, bytes, columns * 4, block * 4);
      });
      to += taps.length * blockBytes;
    }
  }
}

/** Blocks the filter of a backward convolution: from the columns' channels to the rows'. */
export function transposedFilterToBlocks(
  backend: NativeBackend,
  out: number,
  { filter, taps, rows, columns, block }: FilterTaps,
): void {
  const { transpose } = backend.simd;
  const isPlain = columns < block;
  const step = isPlain ? columns : block;
  const blockBytes = step * block * 4;
  let to = out;
  for (let row = 0; row < rows; row += block) {
    const height = Math.min(block, rows - row);
    for (let column = 0; column < columns; column += step) {
      const width = Math.min(step, columns - column);
      taps.forEach((tap, i) => {
        const from = filter + ((tap * rows + row) * columns + column) * 4;
        if (isPlain) transpose(from, to + i * block * 4, height, width, columns * 4, taps.length * block * 4);
        else transpose(from, to + i * blockBytes, height, width, columns * 4, block * 4);
      });
      to += taps.length * blockBytes;
    }
  }
}
