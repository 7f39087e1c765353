// Batch normalisation of training: moments of each column in one pass, then one pass to normalise; both for the gradient.
import { loadLanes, storeLanes } from './lanes';
import { madd } from './simd';

/** Rows at a time: they stay in the first-level cache, and float32 sums over them keep their digits. */
const BLOCK_ROWS: u32 = 64;

/** mean and Σ (x − mean)² of each column, x `[rows, columns]`; both `[columns]`, written. Chan's pairwise update. */
export function columnMoments(x: usize, rows: u32, columns: u32, mean: usize, squares: usize): void {
  const bytes = <usize>columns << 2;
  memory.fill(mean, 0, bytes);
  memory.fill(squares, 0, bytes);
  for (let first: u32 = 0; first < rows; first += BLOCK_ROWS) {
    const count = min<u32>(BLOCK_ROWS, rows - first);
    const share = f32x4.splat(<f32>1 / <f32>count);
    const after = <f32>first + <f32>count;
    const part = f32x4.splat(<f32>count / after);
    const weight = f32x4.splat((<f32>first * <f32>count) / after);
    const end = x + bytes * <usize>count;
    for (let c: usize = 0; c < bytes; c += 16) {
      const lanes = <u32>((bytes - c) >> 2);
      let sum = f32x4.splat(0);
      for (let p = x + c; p < end; p += bytes) sum = f32x4.add(sum, loadLanes(p, lanes));
      const blockMean = f32x4.mul(sum, share);
      let square = f32x4.splat(0);
      for (let p = x + c; p < end; p += bytes) {
        const d = f32x4.sub(loadLanes(p, lanes), blockMean);
        square = madd(d, d, square);
      }
      const old = loadLanes(mean + c, lanes);
      const gap = f32x4.sub(blockMean, old);
      storeLanes(mean + c, madd(gap, part, old), lanes);
      const total = f32x4.add(loadLanes(squares + c, lanes), square);
      storeLanes(squares + c, madd(f32x4.mul(gap, gap), weight, total), lanes);
    }
    x = end;
  }
}

/** out = x · factor + offset (+ other, unless 0), below 0 cut off if `relu`. out may be x or other. */
export function scaleColumns(
  x: usize,
  rows: u32,
  columns: u32,
  factor: usize,
  offset: usize,
  other: usize,
  relu: u32,
  out: usize,
): void {
  const bytes = <usize>columns << 2;
  const floor = f32x4.splat(relu ? 0 : -Infinity);
  for (let row: u32 = 0; row < rows; row++, x += bytes, out += bytes) {
    for (let i: usize = 0; i < bytes; i += 16) {
      const lanes = <u32>((bytes - i) >> 2);
      let v = madd(loadLanes(x + i, lanes), loadLanes(factor + i, lanes), loadLanes(offset + i, lanes));
      if (other) v = f32x4.add(v, loadLanes(other + i, lanes));
      storeLanes(out + i, f32x4.max(v, floor), lanes);
    }
    if (other) other += bytes;
  }
}

/**
 * Σ dy and Σ dy · (x − mean) of each column. With `y` (the output after ReLU, else 0) dy counts where y > 0 only, and
 * `masked` (unless 0) gets that dy.
 */
export function columnProducts(
  x: usize,
  dy: usize,
  y: usize,
  rows: u32,
  columns: u32,
  mean: usize,
  masked: usize,
  sums: usize,
  products: usize,
): void {
  const bytes = <usize>columns << 2;
  const zero = f32x4.splat(0);
  memory.fill(sums, 0, bytes);
  memory.fill(products, 0, bytes);
  for (let first: u32 = 0; first < rows; first += BLOCK_ROWS) {
    const size = bytes * <usize>min<u32>(BLOCK_ROWS, rows - first);
    for (let c: usize = 0; c < bytes; c += 16) {
      const lanes = <u32>((bytes - c) >> 2);
      const m = loadLanes(mean + c, lanes);
      let sum = zero;
      let product = zero;
      for (let i = c; i < size; i += bytes) {
        let d = loadLanes(dy + i, lanes);
        if (y) d = v128.and(d, f32x4.gt(loadLanes(y + i, lanes), zero));
        if (masked) storeLanes(masked + i, d, lanes);
        sum = f32x4.add(sum, d);
        product = madd(d, f32x4.sub(loadLanes(x + i, lanes), m), product);
      }
      storeLanes(sums + c, f32x4.add(loadLanes(sums + c, lanes), sum), lanes);
      storeLanes(products + c, f32x4.add(loadLanes(products + c, lanes), product), lanes);
    }
    x += size;
    dy += size;
    if (y) y += size;
    if (masked) masked += size;
  }
}

/** dx = dy · a + x · b + c, columns each their own a, b, c; dy counts where y > 0 only (y 0: everywhere). dx may be dy. */
export function combineColumns(
  x: usize,
  dy: usize,
  y: usize,
  rows: u32,
  columns: u32,
  a: usize,
  b: usize,
  c: usize,
  dx: usize,
): void {
  const bytes = <usize>columns << 2;
  const zero = f32x4.splat(0);
  for (let row: u32 = 0; row < rows; row++, x += bytes, dy += bytes, dx += bytes) {
    for (let i: usize = 0; i < bytes; i += 16) {
      const lanes = <u32>((bytes - i) >> 2);
      let d = loadLanes(dy + i, lanes);
      if (y) d = v128.and(d, f32x4.gt(loadLanes(y + i, lanes), zero));
      const v = madd(loadLanes(x + i, lanes), loadLanes(b + i, lanes), loadLanes(c + i, lanes));
      storeLanes(dx + i, madd(d, loadLanes(a + i, lanes), v), lanes);
    }
    if (y) y += bytes;
  }
}
