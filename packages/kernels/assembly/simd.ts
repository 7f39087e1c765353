// What both builds share: multiply-add, and loads and stores of fewer than four floats.

/** a·b + c: one rounding in the relaxed build (FMA), two in the baseline. */
// @ts-ignore: decorator
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(c, f32x4.mul(a, b));
}

/** The first `count` (1 … 3) floats at `p`, the other lanes 0. Tails use the same arithmetic as whole vectors. */
// @ts-ignore: decorator
@inline
export function loadTail(p: usize, count: u32): v128 {
  if (count == 1) return v128.load32_zero(p);
  const pair = v128.load64_zero(p);
  return count == 2 ? pair : v128.load_lane<f32>(p, pair, 2, 8);
}

/** Stores the first `count` (1 … 3) lanes. */
// @ts-ignore: decorator
@inline
export function storeTail(p: usize, value: v128, count: u32): void {
  if (count == 1) {
    v128.store_lane<f32>(p, value, 0);
    return;
  }
  v128.store_lane<u64>(p, value, 0);
  if (count == 3) v128.store_lane<f32>(p, value, 2, 8);
}
