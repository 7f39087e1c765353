/** 16-bit floats: IEEE half precision and bfloat16, for messages and files at half the size. */
import { ShapeError } from './errors.js';
import { kernelSpace } from './kernelMemory.js';
import { copyIn, copyOut, withScratch } from './staging.js';

/** Elements at a time, a multiple of 4; both pieces stay in the second-level cache. */
const CHUNK = 16_384;

/**
 * Converts to IEEE half floats, rounding to nearest, ties to even. Finite numbers beyond ±65504 (rounded) become infinite or,
 * if `overflow` says so, ±65504; infinities stay, NaN stays NaN. x float32 `[n]`, out uint16 `[n]`. O(n).
 *
 * @throws {@link ShapeError} if the lengths differ.
 * @example
 * const out = new Uint16Array(1);
 * float16From(Float32Array.of(1), out);
 * out[0]; // => 15360
 */
export function float16From(x: Float32Array, out: Uint16Array, overflow: 'infinity' | 'saturate' = 'infinity'): void {
  narrow('float16From', x, overflow === 'saturate' ? 2 : 0, out);
}

/** The floats of IEEE half floats, exactly. x uint16 `[n]`, out float32 `[n]`. @throws {@link ShapeError} if lengths differ. */
export function float16To(x: Uint16Array, out: Float32Array): void {
  widen('float16To', x, 0, out);
}

/**
 * Converts to bfloat16 (the upper half of a float32), rounding to nearest, ties to even; NaN stays NaN. x float32 `[n]`,
 * out uint16 `[n]`. O(n).
 *
 * @throws {@link ShapeError} if the lengths differ.
 */
export function bfloat16From(x: Float32Array, out: Uint16Array): void {
  narrow('bfloat16From', x, 1, out);
}

/** The floats of bfloat16, exactly. x uint16 `[n]`, out float32 `[n]`. @throws {@link ShapeError} if the lengths differ. */
export function bfloat16To(x: Uint16Array, out: Float32Array): void {
  widen('bfloat16To', x, 1, out);
}

function narrow(where: string, x: Float32Array, form: number, out: Uint16Array): void {
  if (out.length !== x.length) throw new ShapeError(where, 'out', [out.length], `[${x.length}]`);
  const { space, kernels } = kernelSpace();
  eachChunk(x.length, (floats, halves, begin, count) => {
    copyIn(space, x.subarray(begin, begin + count), floats);
    kernels.narrow16(floats, (count + 3) & ~3, form, halves);
    out.set(new Uint16Array(space.memory.buffer, halves, count), begin);
  });
}

function widen(where: string, x: Uint16Array, brain: number, out: Float32Array): void {
  if (out.length !== x.length) throw new ShapeError(where, 'out', [out.length], `[${x.length}]`);
  const { space, kernels } = kernelSpace();
  eachChunk(x.length, (floats, halves, begin, count) => {
    new Uint16Array(space.memory.buffer, halves, count).set(x.subarray(begin, begin + count));
    kernels.widen16(halves, (count + 3) & ~3, brain, floats);
    copyOut(space, floats, out.subarray(begin, begin + count));
  });
}

/** Scratch for a chunk of floats and one of halves, both rounded up to whole vectors. */
function eachChunk(length: number, work: (floats: number, halves: number, begin: number, count: number) => void): void {
  if (length === 0) return;
  const { space } = kernelSpace();
  const room = (Math.min(length, CHUNK) + 3) & ~3;
  withScratch(space, 4 * room, (floats) =>
    withScratch(space, 2 * room, (halves) => {
      for (let begin = 0; begin < length; begin += CHUNK) work(floats, halves, begin, Math.min(CHUNK, length - begin));
    }),
  );
}
