// Loops of gradient compressors: sums that their scales come from, signs, blocks of signed codes, ternary codes.
import { storeCodes, unpackSigns } from './bits';
import { philox4, word0, word1, word2, word3 } from './philox';

/** Lanes 2 and 3 of four floats in double precision. */
// @ts-ignore: decorator
@inline
function promoteHigh(v: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<i32>(v, v, 2, 3, 0, 1));
}

// @ts-ignore: decorator
@inline
function laneSum(v: v128): f64 {
  return f64x2.extract_lane(v, 0) + f64x2.extract_lane(v, 1);
}

/** The largest of four magnitudes as bits, which order as the numbers do, a NaN above infinity. */
// @ts-ignore: decorator
@inline
function laneMax(bits: v128): f32 {
  const pair = i32x4.max_s(bits, v128.shuffle<i32>(bits, bits, 2, 3, 0, 1));
  return f32x4.extract_lane(i32x4.max_s(pair, v128.shuffle<i32>(pair, pair, 1, 0, 3, 2)), 0);
}

/**
 * Adds to float64 `sums` `[5]`: Σ of the x ≥ 0, Σ of the others, how many are ≥ 0, Σ x²; and takes the maximum of |x| as the
 * fifth. `count` is a multiple of 16: zeros that fill the last vector count as ≥ 0, the caller takes them out.
 */
export function moments(x: usize, count: u32, sums: usize): void {
  const zero = f32x4.splat(0);
  let above = f64x2.splat(0);
  let below = f64x2.splat(0);
  let squares = f64x2.splat(0);
  let largest = f32x4.splat(<f32>load<f64>(sums, 32));
  let counts = i32x4.splat(0);
  for (const stop = x + (<usize>count << 2); x < stop; x += 64) {
    let a = zero;
    let b = zero;
    for (let p: usize = 0; p < 64; p += 16) {
      const v = v128.load(x + p);
      const isAbove = f32x4.ge(v, zero);
      counts = i32x4.sub(counts, isAbove);
      // Four floats may be added in single precision before the sum goes on in double.
      a = f32x4.add(a, v128.and(v, isAbove));
      b = f32x4.add(b, v128.andnot(v, isAbove));
      const low = f64x2.promote_low_f32x4(v);
      const high = promoteHigh(v);
      squares = f64x2.add(squares, f64x2.add(f64x2.mul(low, low), f64x2.mul(high, high)));
      largest = i32x4.max_s(largest, f32x4.abs(v));
    }
    above = f64x2.add(above, f64x2.add(f64x2.promote_low_f32x4(a), promoteHigh(a)));
    below = f64x2.add(below, f64x2.add(f64x2.promote_low_f32x4(b), promoteHigh(b)));
  }
  const pairs = i32x4.add(counts, v128.shuffle<i32>(counts, counts, 2, 3, 0, 1));
  store<f64>(sums, load<f64>(sums) + laneSum(above));
  store<f64>(sums, load<f64>(sums, 8) + laneSum(below), 8);
  store<f64>(sums, load<f64>(sums, 16) + <f64>(i32x4.extract_lane(pairs, 0) + i32x4.extract_lane(pairs, 1)), 16);
  store<f64>(sums, load<f64>(sums, 24) + laneSum(squares), 24);
  store<f64>(sums, <f64>laneMax(largest), 32);
}

/** A bit for each float: 1 if x ≥ 0 (−0 too), from the lowest bit of a byte up. `count` is a multiple of 16. */
export function packSigns(x: usize, count: u32, out: usize): void {
  const zero = f32x4.splat(0);
  for (const stop = x + (<usize>count << 2); x < stop; x += 64, out += 2) {
    const a = i16x8.narrow_i32x4_s(f32x4.ge(v128.load(x), zero), f32x4.ge(v128.load(x, 16), zero));
    const b = i16x8.narrow_i32x4_s(f32x4.ge(v128.load(x, 32), zero), f32x4.ge(v128.load(x, 48), zero));
    store<u16>(out, <u16>i8x16.bitmask(i8x16.narrow_i16x8_s(a, b)));
  }
}

/** `positive` where the bit is 1, `negative` where it is 0. `count` is a multiple of 16. */
export function unpackSignsTo(packed: usize, count: u32, positive: f32, negative: f32, out: usize): void {
  const yes = f32x4.splat(positive);
  const no = f32x4.splat(negative);
  for (const stop = out + (<usize>count << 2); out < stop; out += 64, packed += 2) {
    const bytes = unpackSigns(packed);
    const a = i16x8.extend_low_i8x16_s(bytes);
    const b = i16x8.extend_high_i8x16_s(bytes);
    v128.store(out, v128.bitselect(yes, no, i32x4.extend_low_i16x8_s(a)));
    v128.store(out, v128.bitselect(yes, no, i32x4.extend_high_i16x8_s(a)), 16);
    v128.store(out, v128.bitselect(yes, no, i32x4.extend_low_i16x8_s(b)), 32);
    v128.store(out, v128.bitselect(yes, no, i32x4.extend_high_i16x8_s(b)), 48);
  }
}

/** Uniform in [0, 1) from the upper 24 bits of random words. */
// @ts-ignore: decorator
@inline
function uniform(words: v128): v128 {
  return f32x4.mul(f32x4.convert_i32x4_u(i32x4.shr_u(words, 8)), f32x4.splat(5.9604644775390625e-8));
}

/** v rounded down, or up with the probability of its fraction. */
// @ts-ignore: decorator
@inline
function roundAtRandom(v: v128, words: v128): v128 {
  const low = f32x4.floor(v);
  const up = f32x4.lt(uniform(words), f32x4.sub(v, low));
  return f32x4.add(low, v128.and(up, f32x4.splat(1)));
}

// @ts-ignore: decorator
@inline
function rotate(v: v128, by: i32): v128 {
  return v128.or(i32x4.shl(v, by), i32x4.shr_u(v, 32 - by));
}

/**
 * `count` (a multiple of 4) random words of four generators xoshiro128++, one per lane; lane l begins with the Philox words of
 * counter 4·piece + l. Blackman, Vigna: "Scrambled linear pseudorandom number generators", TOMS 2021.
 */
export function randomWords(k0: u32, k1: u32, piece: u32, count: u32, out: usize): void {
  const zero = i32x4.splat(0);
  philox4(k0, k1, i32x4.add(i32x4.splat(<i32>(piece << 2)), i32x4(0, 1, 2, 3)), zero, zero, zero);
  let s0 = word0;
  let s1 = word1;
  let s2 = word2;
  let s3 = word3;
  for (const stop = out + (<usize>count << 2); out < stop; out += 16) {
    v128.store(out, i32x4.add(rotate(i32x4.add(s0, s3), 7), s0));
    const shifted = i32x4.shl(s1, 9);
    s2 = v128.xor(s2, s0);
    s3 = v128.xor(s3, s1);
    s1 = v128.xor(s1, s2);
    s0 = v128.xor(s0, s3);
    s2 = v128.xor(s2, shifted);
    s3 = rotate(s3, 11);
  }
}

/** 1.5 · 2²³: a float32 of this size has the units as its last bit, so adding it rounds to the nearest integer, ties to even. */
const UNITS: f32 = 12582912;

/** Four values to the nearest integers, at most ±limit; `units` holds UNITS four times. A NaN gives anything. */
// @ts-ignore: decorator
@inline
function clampCodes(v: v128, limit: v128, least: v128, units: v128): v128 {
  return i32x4.sub(f32x4.add(f32x4.pmax(least, f32x4.pmin(limit, v)), units), units);
}

/**
 * Signed codes x / scale of one byte, a scale for each `block` elements (a multiple of 16, as is `count`): the block's
 * maximum of |x|, or its Euclidean norm if `isNorm`, divided by `levels`; 0 where the block is all zeros.
 *
 * @param words - address of a random word for each element, to round at random; 0 to round to nearest
 */
export function quantizeBlocks(
  x: usize,
  count: u32,
  block: u32,
  isNorm: u32,
  levels: f32,
  words: usize,
  codes: usize,
  scales: usize,
): void {
  const limit = f32x4.splat(levels);
  const least = f32x4.splat(-levels);
  const units = f32x4.splat(UNITS);
  const stop = x + (<usize>count << 2);
  while (x < stop) {
    const end = min<usize>(x + (<usize>block << 2), stop);
    let size: f32 = 0;
    if (isNorm) {
      let a = f64x2.splat(0);
      let b = f64x2.splat(0);
      for (let p = x; p < end; p += 16) {
        const v = v128.load(p);
        const low = f64x2.promote_low_f32x4(v);
        const high = promoteHigh(v);
        a = f64x2.add(a, f64x2.mul(low, low));
        b = f64x2.add(b, f64x2.mul(high, high));
      }
      size = <f32>Math.sqrt(laneSum(f64x2.add(a, b)));
    } else {
      let largest = f32x4.splat(0);
      for (let p = x; p < end; p += 16) largest = i32x4.max_s(largest, f32x4.abs(v128.load(p)));
      size = laneMax(largest);
    }
    const scale = size / levels;
    store<f32>(scales, scale);
    scales += 4;
    // Below the smallest normal number 1/scale is infinite: such a block is sent as zeros.
    const inverse: f32 = scale > 1.1754943508222875e-38 ? 1 / scale : 0;
    const inverses = f32x4.splat(inverse);
    for (; x < end; x += 64, codes += 16) {
      let a = f32x4.mul(v128.load(x), inverses);
      let b = f32x4.mul(v128.load(x, 16), inverses);
      let c = f32x4.mul(v128.load(x, 32), inverses);
      let d = f32x4.mul(v128.load(x, 48), inverses);
      if (words) {
        a = roundAtRandom(a, v128.load(words));
        b = roundAtRandom(b, v128.load(words, 16));
        c = roundAtRandom(c, v128.load(words, 32));
        d = roundAtRandom(d, v128.load(words, 48));
        words += 64;
      }
      const ab = i16x8.narrow_i32x4_s(clampCodes(a, limit, least, units), clampCodes(b, limit, least, units));
      const cd = i16x8.narrow_i32x4_s(clampCodes(c, limit, least, units), clampCodes(d, limit, least, units));
      v128.store(codes, i8x16.narrow_i16x8_s(ab, cd));
    }
  }
}

/** code · scale for `count` (a multiple of 16) signed codes of one byte. */
export function dequantizeBlocks(codes: usize, count: u32, block: u32, scales: usize, out: usize): void {
  const stop = out + (<usize>count << 2);
  while (out < stop) {
    const end = min<usize>(out + (<usize>block << 2), stop);
    const scale = v128.load32_splat(scales);
    scales += 4;
    for (; out < end; out += 64, codes += 16) {
      const bytes = v128.load(codes);
      const a = i16x8.extend_low_i8x16_s(bytes);
      const b = i16x8.extend_high_i8x16_s(bytes);
      v128.store(out, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(a)), scale));
      v128.store(out, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(a)), scale), 16);
      v128.store(out, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(b)), scale), 32);
      v128.store(out, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(b)), scale), 48);
    }
  }
}

/**
 * x / scale rounded at random to −1, 0 or 1, after clipping to ±scale, as codes 0, 1, 2 of two bits. `count` is a multiple of
 * 16; `words` as in `quantizeBlocks`, never 0.
 */
export function ternary(x: usize, count: u32, inverse: f32, words: usize, out: usize): void {
  const inverses = f32x4.splat(inverse);
  const one = f32x4.splat(1);
  const least = f32x4.splat(-1);
  const units = f32x4.splat(UNITS);
  const ones = i8x16.splat(1);
  for (const stop = x + (<usize>count << 2); x < stop; x += 64, words += 64, out += 4) {
    const a = clampCodes(roundAtRandom(f32x4.mul(v128.load(x), inverses), v128.load(words)), one, least, units);
    const b = clampCodes(roundAtRandom(f32x4.mul(v128.load(x, 16), inverses), v128.load(words, 16)), one, least, units);
    const c = clampCodes(roundAtRandom(f32x4.mul(v128.load(x, 32), inverses), v128.load(words, 32)), one, least, units);
    const d = clampCodes(roundAtRandom(f32x4.mul(v128.load(x, 48), inverses), v128.load(words, 48)), one, least, units);
    const bytes = i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d));
    storeCodes(i8x16.add(bytes, ones), 2, out);
  }
}
