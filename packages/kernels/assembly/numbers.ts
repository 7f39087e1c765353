// Sums of squares in double precision, and 16-bit floats.

/** Σ x², every square and sum in float64. */
export function sumOfSquares(x: usize, count: u32): f64 {
  let a = f64x2.splat(0);
  let b = f64x2.splat(0);
  const whole = x + (<usize>(count & ~3) << 2);
  for (; x < whole; x += 16) {
    const v = v128.load(x);
    const low = f64x2.promote_low_f32x4(v);
    const high = f64x2.promote_low_f32x4(v128.shuffle<i32>(v, v, 2, 3, 0, 1));
    a = f64x2.add(a, f64x2.mul(low, low));
    b = f64x2.add(b, f64x2.mul(high, high));
  }
  a = f64x2.add(a, b);
  let sum = f64x2.extract_lane(a, 0) + f64x2.extract_lane(a, 1);
  for (let i: u32 = 0; i < (count & 3); i++, x += 4) sum += <f64>load<f32>(x) * <f64>load<f32>(x);
  return sum;
}

/** Four floats as bfloat16 in the low halves, to nearest, ties to even; a NaN stays a (quiet) NaN. */
// @ts-ignore: decorator
@inline
function bfloat16(bits: v128): v128 {
  const odd = v128.and(i32x4.shr_u(bits, 16), i32x4.splat(1));
  const rounded = i32x4.shr_u(i32x4.add(i32x4.add(bits, i32x4.splat(0x7fff)), odd), 16);
  const quiet = v128.or(i32x4.shr_u(bits, 16), i32x4.splat(0x40));
  return v128.bitselect(quiet, rounded, f32x4.ne(bits, bits));
}

/**
 * Floats as IEEE half floats, to nearest, ties to even; finite numbers that overflow give infinity, or the largest half. The constants are made with `opaque`, a 0
 * that the compiler does not know: it would build each of them again for each vector.
 */
function narrowFloat16(x: usize, count: u32, opaque: i32, isSaturating: bool, out: usize): void {
  const signs = i32x4.splat(0x80000000 + opaque);
  const one = i32x4.splat(1 + opaque);
  const rebias = i32x4.splat(0xc8000fff + opaque);
  // Subnormal halves: adding ½ lets the adder round at 2⁻²⁴.
  const magic = i32x4.splat(0x3f000000 + opaque);
  const normalFrom = i32x4.splat(0x38800000 + opaque);
  const overflowFrom = i32x4.splat(0x477fefff + opaque);
  const infinity = i32x4.splat(0x7c00 + opaque);
  const nan = i32x4.splat(0x7e00 + opaque);
  for (const stop = x + (<usize>count << 2); x < stop; x += 16, out += 8) {
    const bits = v128.load(x);
    const sign = v128.and(bits, signs);
    const size = v128.xor(bits, sign);
    // Normal halves: shift the exponent, round by adding half of what is dropped. Sizes are positive as signed integers.
    const odd = v128.and(i32x4.shr_u(size, 13), one);
    let half = i32x4.shr_u(i32x4.add(i32x4.add(size, rebias), odd), 13);
    const isSmall = i32x4.lt_s(size, normalFrom);
    if (v128.any_true(isSmall)) half = v128.bitselect(i32x4.sub(f32x4.add(size, magic), magic), half, isSmall);
    const isLarge = i32x4.gt_s(size, overflowFrom);
    if (v128.any_true(isLarge)) {
      const isInfinite = i32x4.gt_s(size, i32x4.splat(0x7f7fffff));
      const over = isSaturating ? v128.bitselect(infinity, i32x4.splat(0x7bff), isInfinite) : infinity;
      half = v128.bitselect(v128.bitselect(nan, over, f32x4.ne(bits, bits)), half, isLarge);
    }
    half = v128.or(half, i32x4.shr_u(sign, 16));
    v128.store_lane<u64>(out, i16x8.narrow_i32x4_u(half, half), 0);
  }
}

/** The bits of four half floats (in the low halves) as floats. */
// @ts-ignore: decorator
@inline
function fromFloat16(half: v128): v128 {
  const sign = i32x4.shl(v128.and(half, i32x4.splat(0x8000)), 16);
  const size = v128.and(half, i32x4.splat(0x7fff));
  // Multiplying by 2¹¹² moves the exponent, and makes subnormal halves normal.
  const scaled = f32x4.mul(i32x4.shl(size, 13), i32x4.splat(0x77800000));
  const special = v128.or(i32x4.shl(size, 13), i32x4.splat(0x7f800000));
  return v128.or(sign, v128.bitselect(special, scaled, i32x4.ge_u(size, i32x4.splat(0x7c00))));
}

/** `count` (a multiple of 4: the caller rounds up) floats at `x` to 16 bits at `out`; 0: half, 1: bfloat16, 2: half that saturates. */
export function narrow16(x: usize, count: u32, form: u32, out: usize): void {
  if (form != 1) {
    narrowFloat16(x, count, <i32>(form >> 2), form == 2, out);
    return;
  }
  for (const stop = x + (<usize>count << 2); x < stop; x += 16, out += 8) {
    const half = bfloat16(v128.load(x));
    v128.store_lane<u64>(out, i16x8.narrow_i32x4_u(half, half), 0);
  }
}

/** `count` (a multiple of 4) 16-bit floats at `x` to floats at `out`. */
export function widen16(x: usize, count: u32, brain: u32, out: usize): void {
  for (const stop = x + (<usize>count << 1); x < stop; x += 8, out += 16) {
    const half = v128.load_ext<u16>(x);
    v128.store(out, brain ? i32x4.shl(half, 16) : fromFloat16(half));
  }
}
