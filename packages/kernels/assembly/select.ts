// The entries of largest magnitude: histograms over the bits of |x|, then one pass that collects. Magnitudes order as their
// bits do; a NaN is larger than infinity.

const MAGNITUDE: i32 = 0x7fffffff;

/**
 * Adds 1 to the bin (|x| >> 19) of each element, 4096 bins; `bins` uint32 `[4, 4096]`: neighbours count in different
 * tables, because equal ones would wait for each other.
 */
export function countMagnitudes(x: usize, count: u32, bins: usize): void {
  const whole = x + (<usize>(count & ~3) << 2);
  const stop = x + (<usize>count << 2);
  for (; x < whole; x += 16) {
    const a = bins + ((<usize>load<u32>(x) >> 19 & 0xfff) << 2);
    const b = bins + ((<usize>load<u32>(x, 4) >> 19 & 0xfff) << 2);
    const c = bins + ((<usize>load<u32>(x, 8) >> 19 & 0xfff) << 2);
    const d = bins + ((<usize>load<u32>(x, 12) >> 19 & 0xfff) << 2);
    store<u32>(a, load<u32>(a) + 1);
    store<u32>(b, load<u32>(b, 16384) + 1, 16384);
    store<u32>(c, load<u32>(c, 32768) + 1, 32768);
    store<u32>(d, load<u32>(d, 49152) + 1, 49152);
  }
  for (; x < stop; x += 4) {
    const a = bins + ((<usize>load<u32>(x) >> 19 & 0xfff) << 2);
    store<u32>(a, load<u32>(a) + 1);
  }
}

/** Counts, of the elements with low ≤ |x| < low + 2^width, the bins (|x| − low) >> shift; `bins` uint32. */
export function countMagnitudesIn(x: usize, count: u32, low: u32, width: u32, shift: u32, bins: usize): void {
  const lows = i32x4.splat(<i32>low);
  const limit = i32x4.splat(<i32>(1 << width));
  const magnitude = i32x4.splat(MAGNITUDE);
  const whole = x + (<usize>(count & ~3) << 2);
  const stop = x + (<usize>count << 2);
  for (; x < whole; x += 16) {
    const inside = i32x4.lt_u(i32x4.sub(v128.and(v128.load(x), magnitude), lows), limit);
    if (!v128.any_true(inside)) continue;
    for (let p = x; p < x + 16; p += 4) countOne(p, low, width, shift, bins);
  }
  for (; x < stop; x += 4) countOne(x, low, width, shift, bins);
}

// @ts-ignore: decorator
@inline
function countOne(p: usize, low: u32, width: u32, shift: u32, bins: usize): void {
  const above = (load<u32>(p) & MAGNITUDE) - low;
  if (above >= <u32>1 << width) return;
  const bin = bins + (<usize>(above >> shift) << 2);
  store<u32>(bin, load<u32>(bin) + 1);
}

/**
 * Appends the elements with |x| > threshold, and the first of those equal to it, with their positions from `base` on.
 *
 * @param state - uint32 `[2]`: elements written so far, and how many equal ones may still be taken
 */
export function collectMagnitudes(
  x: usize,
  count: u32,
  base: u32,
  threshold: u32,
  state: usize,
  indices: usize,
  values: usize,
): void {
  const thresholds = i32x4.splat(<i32>threshold);
  const magnitude = i32x4.splat(MAGNITUDE);
  const first = x;
  const whole = x + (<usize>(count & ~3) << 2);
  const stop = x + (<usize>count << 2);
  while (x < stop) {
    if (x < whole && !v128.any_true(i32x4.ge_s(v128.and(v128.load(x), magnitude), thresholds))) {
      x += 16;
      continue;
    }
    for (const end = min<usize>(x + 16, stop); x < end; x += 4) {
      const bits = load<u32>(x) & MAGNITUDE;
      if (bits < threshold) continue;
      if (bits == threshold) {
        const ties = load<u32>(state, 4);
        if (ties == 0) continue;
        store<u32>(state, ties - 1, 4);
      }
      const at = load<u32>(state);
      store<u32>(state, at + 1);
      store<u32>(indices + (<usize>at << 2), base + <u32>((x - first) >> 2));
      store<u32>(values + (<usize>at << 2), load<u32>(x));
    }
  }
}
