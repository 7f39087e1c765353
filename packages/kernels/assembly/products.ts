// Products of a large matrix with a thin one, and Gram-Schmidt on rows: what low-rank compressors spend their time in.
import { madd } from './simd';

/** Rows of C at once; with the 16 columns of a panel their sums stay in registers. */
const ROWS: u32 = 2;
/** Terms of a sum before the next rows take their turn: a panel of B of so many rows stays in the first-level cache. */
const INNER: u32 = 256;

/**
 * C `[rows, columns]` = A·B, or C + A·B if `accumulate`. Element (i, k) of A is at a + i·rowStep + k·innerStep (bytes), B is
 * `[inner, columns]` and C `[rows, columns]`, row-major, `columns` a multiple of 4. The order of each sum depends on
 * `inner` only.
 */
export function product(
  a: usize,
  rowStep: usize,
  innerStep: usize,
  rows: u32,
  inner: u32,
  b: usize,
  columns: u32,
  c: usize,
  accumulate: u32,
): void {
  const width = <usize>columns << 2;
  for (let begin: u32 = 0; begin < inner || begin == 0; begin += INNER) {
    const terms = min<u32>(INNER, inner - begin);
    const isFirst = begin == 0 && !accumulate;
    const aBegin = a + <usize>begin * innerStep;
    const bBegin = b + <usize>begin * width;
    for (let column: usize = 0; column < width; ) {
      const vectors = (width - column) >> 4;
      let row: u32 = 0;
      let pa = aBegin;
      let pc = c + column;
      if (vectors >= 4) {
        for (; row + ROWS <= rows; row += ROWS, pa += rowStep << 1, pc += width << 1) {
          panel2x4(pa, rowStep, innerStep, terms, bBegin + column, width, pc, isFirst);
        }
        for (; row < rows; row++, pa += rowStep, pc += width) {
          for (let v: usize = 0; v < 64; v += 16) panel1x1(pa, innerStep, terms, bBegin + column + v, width, pc + v, isFirst);
        }
        column += 64;
      } else {
        for (; row + 4 <= rows; row += 4, pa += rowStep << 2, pc += width << 2) {
          panel4x1(pa, rowStep, innerStep, terms, bBegin + column, width, pc, isFirst);
        }
        for (; row < rows; row++, pa += rowStep, pc += width) {
          panel1x1(pa, innerStep, terms, bBegin + column, width, pc, isFirst);
        }
        column += 16;
      }
    }
  }
}

// @ts-ignore: decorator
@inline
function panel1x1(a: usize, step: usize, terms: u32, b: usize, width: usize, c: usize, isFirst: bool): void {
  let sum = isFirst ? f32x4.splat(0) : v128.load(c);
  for (let k: u32 = 0; k < terms; k++, a += step, b += width) sum = madd(v128.load32_splat(a), v128.load(b), sum);
  v128.store(c, sum);
}

/** Four rows, so that four sums are under way at once. */
// @ts-ignore: decorator
@inline
function panel4x1(a: usize, rowStep: usize, step: usize, terms: u32, b: usize, width: usize, c: usize, isFirst: bool): void {
  const zero = f32x4.splat(0);
  const second = c + width;
  const third = second + width;
  const fourth = third + width;
  let s0 = isFirst ? zero : v128.load(c);
  let s1 = isFirst ? zero : v128.load(second);
  let s2 = isFirst ? zero : v128.load(third);
  let s3 = isFirst ? zero : v128.load(fourth);
  let a1 = a + rowStep;
  let a2 = a1 + rowStep;
  let a3 = a2 + rowStep;
  for (let k: u32 = 0; k < terms; k++, a += step, a1 += step, a2 += step, a3 += step, b += width) {
    const v = v128.load(b);
    s0 = madd(v128.load32_splat(a), v, s0);
    s1 = madd(v128.load32_splat(a1), v, s1);
    s2 = madd(v128.load32_splat(a2), v, s2);
    s3 = madd(v128.load32_splat(a3), v, s3);
  }
  v128.store(c, s0);
  v128.store(second, s1);
  v128.store(third, s2);
  v128.store(fourth, s3);
}

// @ts-ignore: decorator
@inline
function panel2x4(a: usize, rowStep: usize, step: usize, terms: u32, b: usize, width: usize, c: usize, isFirst: bool): void {
  const d = c + width;
  const zero = f32x4.splat(0);
  let c0 = isFirst ? zero : v128.load(c);
  let c1 = isFirst ? zero : v128.load(c, 16);
  let c2 = isFirst ? zero : v128.load(c, 32);
  let c3 = isFirst ? zero : v128.load(c, 48);
  let d0 = isFirst ? zero : v128.load(d);
  let d1 = isFirst ? zero : v128.load(d, 16);
  let d2 = isFirst ? zero : v128.load(d, 32);
  let d3 = isFirst ? zero : v128.load(d, 48);
  let a2 = a + rowStep;
  for (let k: u32 = 0; k < terms; k++, a += step, a2 += step, b += width) {
    const x = v128.load32_splat(a);
    const y = v128.load32_splat(a2);
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    const b2 = v128.load(b, 32);
    const b3 = v128.load(b, 48);
    c0 = madd(x, b0, c0);
    c1 = madd(x, b1, c1);
    c2 = madd(x, b2, c2);
    c3 = madd(x, b3, c3);
    d0 = madd(y, b0, d0);
    d1 = madd(y, b1, d1);
    d2 = madd(y, b2, d2);
    d3 = madd(y, b3, d3);
  }
  v128.store(c, c0);
  v128.store(c, c1, 16);
  v128.store(c, c2, 32);
  v128.store(c, c3, 48);
  v128.store(d, d0);
  v128.store(d, d1, 16);
  v128.store(d, d2, 32);
  v128.store(d, d3, 48);
}

/** Σ x·y of `count` floats (a multiple of 4). */
// @ts-ignore: decorator
@inline
function dot(x: usize, y: usize, count: u32): f32 {
  let sum = f32x4.splat(0);
  for (const stop = x + (<usize>count << 2); x < stop; x += 16, y += 16) sum = madd(v128.load(x), v128.load(y), sum);
  const pair = f32x4.add(sum, v128.shuffle<i32>(sum, sum, 2, 3, 0, 1));
  return f32x4.extract_lane(f32x4.add(pair, v128.shuffle<i32>(pair, pair, 1, 0, 3, 2)), 0);
}

/**
 * Modified Gram-Schmidt on `rows` rows of `width` floats (a multiple of 4), each projected twice. A row of which less than
 * `tolerance` of its norm is left depends on those before it, as far as float32 can tell: it becomes zeros.
 */
export function orthonormalize(x: usize, rows: u32, width: u32, tolerance: f32): void {
  const bytes = <usize>width << 2;
  const first = x;
  for (let i: u32 = 0; i < rows; i++, x += bytes) {
    const before = Mathf.sqrt(dot(x, x, width));
    for (let pass = 0; pass < 2; pass++) {
      for (let y = first; y < x; y += bytes) {
        const minus = f32x4.splat(-dot(y, x, width));
        for (let o: usize = 0; o < bytes; o += 16) v128.store(x + o, madd(minus, v128.load(y + o), v128.load(x + o)));
      }
    }
    const after = Mathf.sqrt(dot(x, x, width));
    const scale = f32x4.splat(after > tolerance * before && after > 0 ? 1 / after : 0);
    for (let p = x; p < x + bytes; p += 16) v128.store(p, f32x4.mul(v128.load(p), scale));
  }
}
