// Softmax of scaled, masked scores, as attention needs it, its gradient, and cross-entropy of class scores.
import { exp, keepLanes, loadLanes, storeLanes, total } from './lanes';
import { madd } from './simd';

/** Greatest of the four lanes. */
// @ts-ignore: decorator
@inline
function largest(v: v128): f32 {
  const pairs = f32x4.max(v, v128.shuffle<i32>(v, v, 2, 3, 0, 1));
  return max<f32>(f32x4.extract_lane(pairs, 0), f32x4.extract_lane(pairs, 1));
}

/** How many columns of a row count. */
// @ts-ignore: decorator
@inline
function validBytes(row: u32, columns: u32, valid: i32, step: i32): usize {
  const count = valid + <i32>row * step;
  return <usize>(count < 0 ? 0 : min<i32>(count, <i32>columns)) << 2;
}

/**
 * out[r, c] = softmax over c of scale · x[r, c] + mask[r, c]. Row r has `valid` + r · `step` columns, the others give 0;
 * so does a row in which every score is −∞.
 *
 * @param mask - 0 if there is none; its rows lie `maskStride` bytes apart
 */
export function maskedSoftmax(
  x: usize,
  rows: u32,
  columns: u32,
  valid: i32,
  step: i32,
  scale: f32,
  mask: usize,
  maskStride: usize,
  out: usize,
): void {
  const bytes = <usize>columns << 2;
  const scales = f32x4.splat(scale);
  const low = f32x4.splat(-Infinity);
  const zero = f32x4.splat(0);
  for (let row: u32 = 0; row < rows; row++, x += bytes, out += bytes, mask += maskStride) {
    const end = validBytes(row, columns, valid, step);
    const whole = end & ~15;
    const rest = <u32>(end - whole) >> 2;
    let top = low;
    let i: usize = 0;
    for (; i < whole; i += 16) {
      let v = f32x4.mul(v128.load(x + i), scales);
      if (mask) v = f32x4.add(v, v128.load(mask + i));
      v128.store(out + i, v);
      top = f32x4.max(top, v);
    }
    if (rest) {
      let v = f32x4.mul(loadLanes(x + i, rest), scales);
      if (mask) v = f32x4.add(v, loadLanes(mask + i, rest));
      storeLanes(out + i, v, rest);
      top = f32x4.max(top, keepLanes(v, rest, low));
    }
    const maximum = largest(top);
    if (maximum == <f32>-Infinity) {
      memory.fill(out, 0, bytes);
      continue;
    }
    const maxima = f32x4.splat(maximum);
    let a = zero;
    let b = zero;
    for (i = 0; i + 32 <= whole; i += 32) {
      const e = exp(f32x4.sub(v128.load(out + i), maxima));
      const f = exp(f32x4.sub(v128.load(out + i, 16), maxima));
      v128.store(out + i, e);
      v128.store(out + i, f, 16);
      a = f32x4.add(a, e);
      b = f32x4.add(b, f);
    }
    for (; i < end; i += 16) {
      const count = <u32>((end - i) >> 2);
      const e = exp(f32x4.sub(loadLanes(out + i, count), maxima));
      storeLanes(out + i, e, count);
      a = f32x4.add(a, keepLanes(e, count, zero));
    }
    const share = f32x4.splat(<f32>1 / total(f32x4.add(a, b)));
    for (i = 0; i < whole; i += 16) v128.store(out + i, f32x4.mul(v128.load(out + i), share));
    if (rest) storeLanes(out + i, f32x4.mul(loadLanes(out + i, rest), share), rest);
    memory.fill(out + end, 0, bytes - end);
  }
}

/** out = scale · p · (dp − Σ p · dp), row by row, over the columns that count; the others give 0. out may be p or dp. */
export function maskedSoftmaxGradient(
  p: usize,
  dp: usize,
  rows: u32,
  columns: u32,
  valid: i32,
  step: i32,
  scale: f32,
  out: usize,
): void {
  const bytes = <usize>columns << 2;
  const scales = f32x4.splat(scale);
  const zero = f32x4.splat(0);
  for (let row: u32 = 0; row < rows; row++, p += bytes, dp += bytes, out += bytes) {
    const end = validBytes(row, columns, valid, step);
    let sum = zero;
    for (let i: usize = 0; i < end; i += 16) {
      const count = <u32>((end - i) >> 2);
      const product = f32x4.mul(loadLanes(p + i, count), loadLanes(dp + i, count));
      sum = f32x4.add(sum, keepLanes(product, count, zero));
    }
    const mean = f32x4.splat(total(sum));
    for (let i: usize = 0; i < end; i += 16) {
      const count = <u32>((end - i) >> 2);
      const d = f32x4.sub(loadLanes(dp + i, count), mean);
      storeLanes(out + i, f32x4.mul(f32x4.mul(loadLanes(p + i, count), scales), d), count);
    }
    memory.fill(out + end, 0, bytes - end);
  }
}

/**
 * For rows of class scores x and of target shares t `[rows, columns]`: stats `[rows, 2]` gets Σ exp(x − max) and
 * Σ t · (x − max); gradient (unless 0) gets Σ t · softmax(x) − t.
 */
export function crossEntropy(
  x: usize,
  targets: usize,
  rows: u32,
  columns: u32,
  stats: usize,
  gradient: usize,
): void {
  const bytes = <usize>columns << 2;
  const low = f32x4.splat(-Infinity);
  const zero = f32x4.splat(0);
  for (let row: u32 = 0; row < rows; row++, x += bytes, targets += bytes, stats += 8) {
    let top = low;
    for (let i: usize = 0; i < bytes; i += 16) {
      const count = <u32>((bytes - i) >> 2);
      top = f32x4.max(top, keepLanes(loadLanes(x + i, count), count, low));
    }
    const maxima = f32x4.splat(largest(top));
    let sum = zero;
    let share = zero;
    let dot = zero;
    for (let i: usize = 0; i < bytes; i += 16) {
      const count = <u32>((bytes - i) >> 2);
      const t = loadLanes(targets + i, count);
      const d = f32x4.sub(loadLanes(x + i, count), maxima);
      const e = exp(d);
      if (gradient) storeLanes(gradient + i, e, count);
      sum = f32x4.add(sum, keepLanes(e, count, zero));
      share = f32x4.add(share, keepLanes(t, count, zero));
      // A share of 0 takes no part, even where the score is −∞.
      const part = v128.andnot(f32x4.mul(t, d), f32x4.eq(t, zero));
      dot = f32x4.add(dot, keepLanes(part, count, zero));
    }
    const sums = total(sum);
    store<f32>(stats, sums);
    store<f32>(stats, total(dot), 4);
    if (gradient) {
      const factor = f32x4.splat(total(share) / sums);
      for (let i: usize = 0; i < bytes; i += 16) {
        const count = <u32>((bytes - i) >> 2);
        const e = f32x4.mul(loadLanes(gradient + i, count), factor);
        storeLanes(gradient + i, f32x4.sub(e, loadLanes(targets + i, count)), count);
      }
      gradient += bytes;
    }
  }
}
