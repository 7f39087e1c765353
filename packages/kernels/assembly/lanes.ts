// Functions of one vector that several kernels share: sums over lanes, partial vectors, eˣ.
import { loadTail, storeTail } from './simd';

/** Sum of the four lanes, pairwise. */
// @ts-ignore: decorator
@inline
export function total(v: v128): f32 {
  const pairs = f32x4.add(v, v128.shuffle<i32>(v, v, 2, 3, 0, 1));
  return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1);
}

/**
 * eˣ for x ≤ 0 (or NaN), to about 2 ulp; 0 below −87.3, where the result is no normal number. Range reduction by ln 2 in
 * two parts, then the polynomial of Cephes' expf.
 */
// @ts-ignore: decorator
@inline
export function exp(x: v128): v128 {
  const n = f32x4.nearest(f32x4.mul(x, f32x4.splat(1.44269504)));
  let r = f32x4.sub(x, f32x4.mul(n, f32x4.splat(0.693359375)));
  r = f32x4.sub(r, f32x4.mul(n, f32x4.splat(-2.12194440e-4)));
  let p = f32x4.splat(1.9875691500e-4);
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.3981999507e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(8.3334519073e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(4.1665795894e-2));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.6666665459e-1));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(5.0000001201e-1));
  p = f32x4.add(f32x4.add(f32x4.mul(p, f32x4.mul(r, r)), r), f32x4.splat(1));
  const scale = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(127)), 23);
  return v128.andnot(f32x4.mul(p, scale), f32x4.lt(x, f32x4.splat(-87.3)));
}

// @ts-ignore: decorator
@inline
export function loadLanes(p: usize, count: u32): v128 {
  return count >= 4 ? v128.load(p) : loadTail(p, count);
}

// @ts-ignore: decorator
@inline
export function storeLanes(p: usize, v: v128, count: u32): void {
  if (count >= 4) v128.store(p, v);
  else storeTail(p, v, count);
}

/** The first `count` lanes as they are, the others `other`. */
// @ts-ignore: decorator
@inline
export function keepLanes(v: v128, count: u32, other: v128): v128 {
  return v128.bitselect(v, other, i32x4.lt_u(i32x4(0, 1, 2, 3), i32x4.splat(count)));
}
