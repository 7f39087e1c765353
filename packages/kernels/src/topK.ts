/** The entries of largest magnitude, by histograms of their bits: linear in n, whatever k. */
import { OptionError, ShapeError } from './errors.js';
import { type KernelMemory, kernelSpace } from './kernelMemory.js';
import { copyIn, copyOut, placeOf, withScratch } from './staging.js';

/** Elements at a time, a multiple of 4, where x lies outside the kernel memory. */
const CHUNK = 32_768;
const FIRST_BINS = 4096;
/** |x| has 31 bits: 12 in the first histogram, 10 in the second, 9 in the third. */
const FIRST_SHIFT = 19;
const SECOND_SHIFT = 9;

/**
 * Finds the `k` entries of largest |x|, k = the length of `indices`.
 *
 * x float32 `[n]`, indices uint32 `[k]` in ascending order, values float32 `[k]` with their signs and bits. Among equal
 * magnitudes the lowest index wins, so the result is unique. ±Infinity is larger than all numbers, NaN larger still.
 * O(n + k): three histograms of the bits of |x| narrow the smallest kept magnitude down, a last pass collects.
 *
 * @throws {@link OptionError} if k > n; {@link ShapeError} if `values` is not `[k]`.
 * @example
 * const [indices, values] = [new Uint32Array(2), new Float32Array(2)];
 * topKInto(Float32Array.of(3, -1, 0, -4), indices, values);
 * [...indices, ...values]; // => [0, 3, 3, -4]
 */
export function topKInto(x: Float32Array, indices: Uint32Array, values: Float32Array): void {
  const where = 'topKInto';
  const k = indices.length;
  if (k > x.length) throw new OptionError(where, 'indices.length', k, `up to n = ${x.length}`);
  if (values.length !== k) throw new ShapeError(where, 'values', [values.length], `[${k}]`);
  if (k === 0) return;
  if (k <= x.length / 8 && x.length >= 16 * CHUNK && selectAmongLikely(x, indices, values)) return;
  selectAmongAll(x, indices, values);
}

/** Three passes of histograms, a last one that collects. */
function selectAmongAll(x: Float32Array, indices: Uint32Array, values: Float32Array): void {
  const { space, kernels } = kernelSpace();
  const k = indices.length;
  const place = placeOf(space, x);
  withScratch(space, 4 * 4 * FIRST_BINS, (bins) => {
    const { threshold, ties } = thresholdOf(space, x, place, k, bins);
    withScratch(space, 8 * k, (found) => {
      new Uint32Array(space.memory.buffer, bins, 2).set([0, ties]);
      eachPiece(space, x, place, (at, count, begin) =>
        kernels.collectMagnitudes(at, count, begin, threshold, bins, found, found + 4 * k),
      );
      copyOut(space, found, indices);
      copyOut(space, found + 4 * k, values);
    });
  });
}

/** Elements of a run of the sample, and from one run to the next. */
const SAMPLE_RUN = 64;
const SAMPLE_STRIDE = 4096;

/**
 * One pass that collects what is above a threshold guessed from a sample, then a choice among that. The result is the same;
 * false if the guess was too high, or so low that too many were found.
 */
function selectAmongLikely(x: Float32Array, indices: Uint32Array, values: Float32Array): boolean {
  const { space, kernels } = kernelSpace();
  const k = indices.length;
  const runs = Math.floor(x.length / SAMPLE_STRIDE);
  const sample = new Float32Array(runs * SAMPLE_RUN);
  for (let r = 0; r < runs; r++) {
    const at = r * SAMPLE_STRIDE;
    sample.set(x.subarray(at, at + SAMPLE_RUN), r * SAMPLE_RUN);
  }
  // Four standard deviations of what a random sample would hold of the k largest.
  const expected = (k / x.length) * sample.length;
  const rank = Math.min(sample.length, Math.ceil(expected + 4 * Math.sqrt(expected) + 8));
  const room = Math.min(x.length, 2 * k + CHUNK);
  const place = placeOf(space, x);
  return withScratch(space, 4 * 4 * FIRST_BINS, (bins) =>
    withScratch(space, 8 * (room + CHUNK), (found) => {
      const guess = thresholdOf(space, sample, undefined, rank, bins).threshold;
      let count = 0;
      new Uint32Array(space.memory.buffer, bins, 2).set([0, 0xffffffff]);
      eachPart(space, x, place, (at, size, begin) => {
        if (count > room) return;
        kernels.collectMagnitudes(at, size, begin, guess, bins, found, found + 4 * (room + CHUNK));
        count = new Uint32Array(space.memory.buffer, bins, 1)[0]!;
      });
      if (count < k || count > room) return false;
      const positions = new Uint32Array(space.memory.buffer, found, count).slice();
      const candidates = new Float32Array(count);
      copyOut(space, found + 4 * (room + CHUNK), candidates);
      // Candidates are in ascending order of position, so ties still go to the lowest.
      const chosen = new Uint32Array(k);
      selectAmongAll(candidates, chosen, values);
      for (let i = 0; i < k; i++) indices[i] = positions[chosen[i]!]!;
      return true;
    }),
  );
}

/** Bits of the smallest magnitude that is kept, and how many entries of that magnitude are. */
function thresholdOf(
  space: KernelMemory,
  x: Float32Array,
  place: number | undefined,
  k: number,
  bins: number,
): { readonly threshold: number; readonly ties: number } {
  const { kernels } = kernelSpace();
  const clear = (count: number) => new Uint32Array(space.memory.buffer, bins, count).fill(0);
  clear(4 * FIRST_BINS);
  eachPiece(space, x, place, (at, count) => kernels.countMagnitudes(at, count, bins));
  const tables = new Uint32Array(space.memory.buffer, bins, 4 * FIRST_BINS);
  const sums = Uint32Array.from({ length: FIRST_BINS }, (_, i) => {
    return tables[i]! + tables[FIRST_BINS + i]! + tables[2 * FIRST_BINS + i]! + tables[3 * FIRST_BINS + i]!;
  });
  let { bin, left } = lastBin(sums, k);
  let threshold = bin * 2 ** FIRST_SHIFT;
  for (const [width, shift] of [
    [FIRST_SHIFT, SECOND_SHIFT],
    [SECOND_SHIFT, 0],
  ] as const) {
    const size = 2 ** (width - shift);
    clear(size);
    const low = threshold;
    eachPiece(space, x, place, (at, count) => kernels.countMagnitudesIn(at, count, low, width, shift, bins));
    ({ bin, left } = lastBin(new Uint32Array(space.memory.buffer, bins, size), left));
    threshold += bin * 2 ** shift;
  }
  return { threshold, ties: left };
}

/** The bin in which the k-th largest lies, and how many of that bin belong to the k largest. */
function lastBin(counts: Uint32Array, k: number): { bin: number; left: number } {
  let bin = counts.length - 1;
  let left = k;
  while (counts[bin]! < left) left -= counts[bin--]!;
  return { bin, left };
}

function eachPiece(
  space: KernelMemory,
  x: Float32Array,
  place: number | undefined,
  work: (at: number, count: number, begin: number) => void,
): void {
  if (place !== undefined) work(place, x.length, 0);
  else eachPart(space, x, place, work);
}

/** As {@link eachPiece}, but never more than a chunk at a time. */
function eachPart(
  space: KernelMemory,
  x: Float32Array,
  place: number | undefined,
  work: (at: number, count: number, begin: number) => void,
): void {
  if (place !== undefined) {
    for (let begin = 0; begin < x.length; begin += CHUNK) {
      work(place + 4 * begin, Math.min(CHUNK, x.length - begin), begin);
    }
    return;
  }
  withScratch(space, 4 * Math.min(CHUNK, x.length), (scratch) => {
    for (let begin = 0; begin < x.length; begin += CHUNK) {
      const part = x.subarray(begin, begin + CHUNK);
      copyIn(space, part, scratch);
      work(scratch, part.length, begin);
    }
  });
}
