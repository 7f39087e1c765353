// Layer normalisation over the columns of each row, and its gradient; a row stays in the first-level cache between passes.
import { keepLanes, loadLanes, storeLanes, total } from './lanes';
import { madd } from './simd';

/** Rows whose shares of the gradients of gamma and beta are summed before they join the total: float32 keeps its digits. */
const SUBTOTAL_ROWS: u32 = 64;

/** x and out `[rows, width]`, gamma and beta `[width]`; stats `[rows, 2]` gets mean and 1/√(variance + epsilon). */
export function layerNorm(
  x: usize,
  rows: u32,
  width: u32,
  gamma: usize,
  beta: usize,
  epsilon: f32,
  stats: usize,
  out: usize,
): void {
  const bytes = <usize>width << 2;
  const zero = f32x4.splat(0);
  for (let row: u32 = 0; row < rows; row++, x += bytes, out += bytes, stats += 8) {
    let a = zero;
    let b = zero;
    let i: usize = 0;
    for (; i + 32 <= bytes; i += 32) {
      a = f32x4.add(a, v128.load(x + i));
      b = f32x4.add(b, v128.load(x + i, 16));
    }
    for (; i < bytes; i += 16) {
      const count = <u32>((bytes - i) >> 2);
      a = f32x4.add(a, keepLanes(loadLanes(x + i, count), count, zero));
    }
    const mean = total(f32x4.add(a, b)) / <f32>width;
    const means = f32x4.splat(mean);
    a = zero;
    b = zero;
    for (i = 0; i + 32 <= bytes; i += 32) {
      const d = f32x4.sub(v128.load(x + i), means);
      const e = f32x4.sub(v128.load(x + i, 16), means);
      a = madd(d, d, a);
      b = madd(e, e, b);
    }
    for (; i < bytes; i += 16) {
      const count = <u32>((bytes - i) >> 2);
      const d = keepLanes(f32x4.sub(loadLanes(x + i, count), means), count, zero);
      a = madd(d, d, a);
    }
    const scale: f32 = <f32>1 / sqrt<f32>(total(f32x4.add(a, b)) / <f32>width + epsilon);
    store<f32>(stats, mean);
    store<f32>(stats, scale, 4);
    const scales = f32x4.splat(scale);
    for (i = 0; i < bytes; i += 16) {
      const count = <u32>((bytes - i) >> 2);
      const normal = f32x4.mul(f32x4.sub(loadLanes(x + i, count), means), scales);
      storeLanes(out + i, madd(normal, loadLanes(gamma + i, count), loadLanes(beta + i, count)), count);
    }
  }
}

/** Adds `count` floats at `from` to those at `to` and clears them. */
function flush(from: usize, to: usize, bytes: usize): void {
  for (let i: usize = 0; i < bytes; i += 16) {
    const count = <u32>((bytes - i) >> 2);
    storeLanes(to + i, f32x4.add(loadLanes(to + i, count), loadLanes(from + i, count)), count);
    storeLanes(from + i, f32x4.splat(0), count);
  }
}

/**
 * x, dy and dx `[rows, width]` (dx may be dy), stats as from `layerNorm`; dGamma, dBeta `[width]` are written. `scratch`
 * has room for 2 · `width` floats.
 */
export function layerNormGradient(
  x: usize,
  dy: usize,
  rows: u32,
  width: u32,
  gamma: usize,
  stats: usize,
  dx: usize,
  dGamma: usize,
  dBeta: usize,
  scratch: usize,
): void {
  const bytes = <usize>width << 2;
  const zero = f32x4.splat(0);
  const betaPart = scratch + bytes;
  memory.fill(scratch, 0, bytes << 1);
  memory.fill(dGamma, 0, bytes);
  memory.fill(dBeta, 0, bytes);
  for (let row: u32 = 0; row < rows; row++, x += bytes, dy += bytes, dx += bytes, stats += 8) {
    const means = f32x4.splat(load<f32>(stats));
    const scale = load<f32>(stats, 4);
    const scales = f32x4.splat(scale);
    let sums = zero;
    let projections = zero;
    for (let i: usize = 0; i < bytes; i += 16) {
      const count = <u32>((bytes - i) >> 2);
      const normal = f32x4.mul(f32x4.sub(loadLanes(x + i, count), means), scales);
      const d = loadLanes(dy + i, count);
      storeLanes(scratch + i, madd(d, normal, loadLanes(scratch + i, count)), count);
      storeLanes(betaPart + i, f32x4.add(loadLanes(betaPart + i, count), d), count);
      // Lanes past the end are 0 in gamma.
      const g = f32x4.mul(d, loadLanes(gamma + i, count));
      sums = f32x4.add(sums, keepLanes(g, count, zero));
      projections = f32x4.add(projections, keepLanes(f32x4.mul(g, normal), count, zero));
    }
    const mean = f32x4.splat(total(sums) / <f32>width);
    const projection = f32x4.splat(total(projections) / <f32>width);
    for (let i: usize = 0; i < bytes; i += 16) {
      const count = <u32>((bytes - i) >> 2);
      const normal = f32x4.mul(f32x4.sub(loadLanes(x + i, count), means), scales);
      const g = f32x4.mul(loadLanes(dy + i, count), loadLanes(gamma + i, count));
      const rest = f32x4.sub(f32x4.sub(g, mean), f32x4.mul(normal, projection));
      storeLanes(dx + i, f32x4.mul(rest, scales), count);
    }
    if (row % SUBTOTAL_ROWS == SUBTOTAL_ROWS - 1) {
      flush(scratch, dGamma, bytes);
      flush(betaPart, dBeta, bytes);
    }
  }
  flush(scratch, dGamma, bytes);
  flush(betaPart, dBeta, bytes);
}
