// Values per edge of a CSR matrix: softmax over each row, and products of the rows that an edge joins.
import { exp, keepLanes, loadLanes, storeLanes, total } from './lanes';
import { loadTail, madd, storeTail } from './simd';

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
