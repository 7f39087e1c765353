/** Runs kernels over arrays of any length through two pieces of scratch that stay in the second-level cache. */
import { kernelSpace } from './kernelMemory.js';
import type { KernelExports } from './kernelModule.js';
import { withScratch } from './staging.js';

/** Elements at a time, a multiple of 16. */
const CHUNK = 16_384;

/** One piece: elements [begin, begin + count), `padded` is `count` rounded up to 16. */
export interface Piece {
  readonly kernels: KernelExports;
  readonly input: number;
  readonly output: number;
  readonly begin: number;
  readonly count: number;
  readonly padded: number;
  /** A view of the kernel memory, valid for this piece. */
  bytes(offset: number, length: number): Uint8Array;
}

/** Calls `work` for each piece of `length` elements, with scratch of so many bytes an element on both sides. */
export function eachPiece(length: number, inputBytes: number, outputBytes: number, work: (piece: Piece) => void): void {
  if (length === 0) return;
  const { space, kernels } = kernelSpace();
  const room = Math.min(CHUNK, Math.ceil(length / 16) * 16);
  withScratch(space, inputBytes * room, (input) =>
    withScratch(space, outputBytes * room, (output) => {
      const bytes = (offset: number, size: number) => new Uint8Array(space.memory.buffer, offset, size);
      for (let begin = 0; begin < length; begin += CHUNK) {
        const count = Math.min(CHUNK, length - begin);
        work({ kernels, input, output, begin, count, padded: Math.ceil(count / 16) * 16, bytes });
      }
    }),
  );
}

/** The bytes of any array. */
export const bytesOf = (a: ArrayBufferView): Uint8Array => new Uint8Array(a.buffer, a.byteOffset, a.byteLength);
