// GELU in both forms, and its derivative in the same pass: backward is then one multiplication.
import { exp, loadLanes, storeLanes } from './lanes';
import { madd } from './simd';

/** The derivative of the last vector. */
export let slope = f32x4.splat(0);

/** x · σ(2u), u = √(2/π) · (x + 0.044715·x³): x/2 · (1 + tanh u) without cancellation. */
// @ts-ignore: decorator
@inline
export function tanhForm(x: v128): v128 {
  const square = f32x4.mul(x, x);
  // 2u = x · (1.5957691 + 0.07135481·x²)
  const z = f32x4.mul(x, madd(square, f32x4.splat(0.0713548163), f32x4.splat(1.5957691216)));
  const e = exp(f32x4.neg(f32x4.abs(z)));
  const share = f32x4.div(f32x4.splat(1), f32x4.add(e, f32x4.splat(1)));
  // σ(−|z|) = e / (1 + e)
  const sigmoid = v128.bitselect(f32x4.mul(e, share), share, f32x4.lt(z, f32x4.splat(0)));
  const inner = f32x4.mul(x, madd(square, f32x4.splat(0.214064449), f32x4.splat(1.5957691216)));
  // σ' = σ(z) · σ(−z) = e / (1 + e)²
  slope = madd(f32x4.mul(inner, f32x4.mul(e, share)), share, sigmoid);
  return f32x4.mul(x, sigmoid);
}

/**
 * x · Φ(x), with erfc(z) = exp(−z²) · polynomial in 1 / (1 + p·z): Abramowitz and Stegun, 7.1.26, off by at most
 * 1.5·10⁻⁷.
 */
// @ts-ignore: decorator
@inline
export function erfForm(x: v128): v128 {
  const z = f32x4.mul(f32x4.abs(x), f32x4.splat(0.70710678));
  const t = f32x4.div(f32x4.splat(1), madd(z, f32x4.splat(0.3275911), f32x4.splat(1)));
  let p = madd(t, f32x4.splat(1.061405429), f32x4.splat(-1.453152027));
  p = madd(t, p, f32x4.splat(1.421413741));
  p = madd(t, p, f32x4.splat(-0.284496736));
  p = madd(t, p, f32x4.splat(0.254829592));
  const bell = exp(f32x4.mul(f32x4.neg(x), f32x4.mul(x, f32x4.splat(0.5))));
  const tail = f32x4.mul(f32x4.mul(f32x4.mul(p, t), bell), f32x4.splat(0.5));
  const normal = v128.bitselect(tail, f32x4.sub(f32x4.splat(1), tail), f32x4.lt(x, f32x4.splat(0)));
  slope = madd(f32x4.mul(x, f32x4.splat(0.39894228)), bell, normal);
  return f32x4.mul(x, normal);
}

/** `count` floats at x; `derivative` may be 0. out or derivative may be x. */
export function gelu(x: usize, count: u32, isErf: u32, out: usize, derivative: usize): void {
  for (let left: i32 = <i32>count; left > 0; left -= 4, x += 16, out += 16) {
    const v = loadLanes(x, left);
    const y = isErf ? erfForm(v) : tanhForm(v);
    storeLanes(out, y, left);
    if (derivative) {
      storeLanes(derivative, slope, left);
      derivative += 16;
    }
  }
}
