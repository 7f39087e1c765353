// Values per edge of a CSR matrix: softmax over each row, and products of the rows that an edge joins.
import { loadTail, madd, storeTail } from './simd';

/** Sum of the four lanes, pairwise. */
// @ts-ignore: decorator
@inline
function total(v: v128): f32 {
  const pairs = f32x4.add(v, v128.shuffle<i32>(v, v, 2, 3, 0, 1));
  return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1);
}

/**
 * eˣ for x ≤ 0 (or NaN), to about 2 ulp; 0 below −87.3, where the result is no normal number. Range reduction by ln 2 in
 * two parts, then the polynomial of Cephes' expf.
 */
// @ts-ignore: decorator
@inline
function exp(x: v128): v128 {
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
function loadLanes(p: usize, count: u32): v128 {
  return count >= 4 ? v128.load(p) : loadTail(p, count);
}

// @ts-ignore: decorator
@inline
function storeLanes(p: usize, v: v128, count: u32): void {
  if (count >= 4) v128.store(p, v);
  else storeTail(p, v, count);
}

/** The first `count` lanes as they are, the others `other`. */
// @ts-ignore: decorator
@inline
function keepLanes(v: v128, count: u32, other: v128): v128 {
  return v128.bitselect(v, other, i32x4.lt_u(i32x4(0, 1, 2, 3), i32x4.splat(count)));
}

/** One or two heads: four lanes are four or two edges. `stride` is the bytes of the row. */
function softmaxNarrow(scores: usize, bytes: usize, heads: u32, out: usize): void {
  const low = f32x4.splat(-Infinity);
  let top = low;
  for (let i: usize = 0; i < bytes; i += 16) {
    const count = <u32>((bytes - i) >> 2);
    top = f32x4.max(top, keepLanes(loadLanes(scores + i, count), count, low));
  }
  top = f32x4.max(top, v128.shuffle<i32>(top, top, 2, 3, 0, 1));
  if (heads == 1) top = f32x4.max(top, v128.shuffle<i32>(top, top, 1, 0, 3, 2));
  let sum = f32x4.splat(0);
  for (let i: usize = 0; i < bytes; i += 16) {
    const count = <u32>((bytes - i) >> 2);
    const e = exp(f32x4.sub(loadLanes(scores + i, count), top));
    sum = f32x4.add(sum, keepLanes(e, count, f32x4.splat(0)));
    storeLanes(out + i, e, count);
  }
  sum = f32x4.add(sum, v128.shuffle<i32>(sum, sum, 2, 3, 0, 1));
  if (heads == 1) sum = f32x4.add(sum, v128.shuffle<i32>(sum, sum, 1, 0, 3, 2));
  for (let i: usize = 0; i < bytes; i += 16) {
    const count = <u32>((bytes - i) >> 2);
    storeLanes(out + i, f32x4.div(loadLanes(out + i, count), sum), count);
  }
}

/** Any number of heads, four of them at a time. */
function softmaxWide(scores: usize, bytes: usize, heads: u32, out: usize): void {
  const step = <usize>heads << 2;
  for (let h: usize = 0; h < step; h += 16) {
    const count = <u32>((step - h) >> 2);
    let top = f32x4.splat(-Infinity);
    for (let i = h; i < bytes; i += step) top = f32x4.max(top, loadLanes(scores + i, count));
    let sum = f32x4.splat(0);
    for (let i = h; i < bytes; i += step) {
      const e = exp(f32x4.sub(loadLanes(scores + i, count), top));
      sum = f32x4.add(sum, e);
      storeLanes(out + i, e, count);
    }
    for (let i = h; i < bytes; i += step) storeLanes(out + i, f32x4.div(loadLanes(out + i, count), sum), count);
  }
}

/** out = softmax of scores `[edges, heads]` over the edges of each row, per head. */
export function edgeSoftmax(rows: u32, indptr: usize, scores: usize, heads: u32, out: usize): void {
  for (const stop = indptr + (<usize>rows << 2); indptr < stop; indptr += 4) {
    const at = ((<usize>load<u32>(indptr)) * heads) << 2;
    const bytes = (((<usize>load<u32>(indptr, 4)) * heads) << 2) - at;
    if (heads <= 2) softmaxNarrow(scores + at, bytes, heads, out + at);
    else softmaxWide(scores + at, bytes, heads, out + at);
  }
}

/** out = alpha · (dAlpha − Σ alpha · dAlpha over the row), per head: the gradient of the scores. */
export function edgeSoftmaxGradient(
  rows: u32,
  indptr: usize,
  alpha: usize,
  dAlpha: usize,
  heads: u32,
  out: usize,
): void {
  // One or two heads: the row is walked as one run of lanes, else four heads at a time.
  const isNarrow = heads <= 2;
  const step: usize = isNarrow ? <usize>16 : <usize>heads << 2;
  for (const stop = indptr + (<usize>rows << 2); indptr < stop; indptr += 4) {
    const at = ((<usize>load<u32>(indptr)) * heads) << 2;
    const bytes = (((<usize>load<u32>(indptr, 4)) * heads) << 2) - at;
    for (let h: usize = 0; h < step; h += 16) {
      let sum = f32x4.splat(0);
      for (let i = h; i < bytes; i += step) {
        const count = <u32>((isNarrow ? bytes - i : step - h) >> 2);
        sum = madd(loadLanes(alpha + at + i, count), loadLanes(dAlpha + at + i, count), sum);
      }
      if (isNarrow) {
        sum = f32x4.add(sum, v128.shuffle<i32>(sum, sum, 2, 3, 0, 1));
        if (heads == 1) sum = f32x4.add(sum, v128.shuffle<i32>(sum, sum, 1, 0, 3, 2));
      }
      for (let i = h; i < bytes; i += step) {
        const count = <u32>((isNarrow ? bytes - i : step - h) >> 2);
        const d = f32x4.sub(loadLanes(dAlpha + at + i, count), sum);
        storeLanes(out + at + i, f32x4.mul(loadLanes(alpha + at + i, count), d), count);
      }
    }
  }
}

/** out[e, h] = a[row(e), h] · b[indices[e], h] for `heads` parts of `width` columns each. */
export function sddmm(
  rows: u32,
  indptr: usize,
  indices: usize,
  a: usize,
  b: usize,
  heads: u32,
  width: u32,
  out: usize,
): void {
  const part = <usize>width << 2;
  const rowBytes = part * heads;
  const tail = width & 3;
  const whole = part & ~15;
  for (const stop = indptr + (<usize>rows << 2); indptr < stop; indptr += 4, a += rowBytes) {
    const last = load<u32>(indptr, 4);
    for (let e = load<u32>(indptr); e < last; e++) {
      let q = b + <usize>load<u32>(indices + (<usize>e << 2)) * rowBytes;
      let p = a;
      for (let h: u32 = 0; h < heads; h++, p += part, q += part, out += 4) {
        let sum = f32x4.splat(0);
        for (let c: usize = 0; c < whole; c += 16) sum = madd(v128.load(p + c), v128.load(q + c), sum);
        if (tail) sum = madd(loadTail(p + whole, tail), loadTail(q + whole, tail), sum);
        store<f32>(out, total(sum));
      }
    }
  }
}
