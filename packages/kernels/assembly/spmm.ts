// Products of a CSR matrix and a row-major dense matrix. A row's terms are added strictly in stored order, each column
// on its own, so a result does not depend on which rows one call computes.
import { loadTail, madd, storeTail } from './simd';

/**
 * out[r] (+)= Σ_e values[e] · x[indices[e]] for rows [begin, end); `out` is the address of row `begin`.
 *
 * @param values - address of the values, 0 if all are 1
 * @param xStride - bytes from one dense row to the next
 * @param rowBytes - bytes of it that are multiplied, 4 · width
 * @param outStride - bytes from one row of the result to the next
 * @param accumulate - 1 adds to what `out` holds
 * @param ahead - entries whose rows of x are fetched before they are multiplied, where x is far larger than the caches;
 * else 0
 */
export function spmm(
  begin: u32,
  end: u32,
  indptr: usize,
  indices: usize,
  values: usize,
  x: usize,
  xStride: usize,
  rowBytes: usize,
  out: usize,
  outStride: usize,
  accumulate: u32,
  ahead: u32,
): void {
  if (values) rows<f32>(begin, end, indptr, indices, values, x, xStride, rowBytes, out, outStride, accumulate, ahead);
  else rows<u32>(begin, end, indptr, indices, 0, x, xStride, rowBytes, out, outStride, accumulate, ahead);
}

/** Copies the first `bytes` (a multiple of 4) of each of `count` rows to rows of another stride. */
export function packColumns(x: usize, xStride: usize, count: u32, bytes: usize, outStride: usize, out: usize): void {
  const tail = <u32>(bytes & 15) >> 2;
  const whole = bytes & ~15;
  for (const stop = x + xStride * count; x < stop; x += xStride, out += outStride) {
    for (let c: usize = 0; c < whole; c += 16) v128.store(out + c, v128.load(x + c));
    if (tail) storeTail(out + whole, loadTail(x + whole, tail), tail);
  }
}

// W chooses at compile time: f32 has weights, u32 has none.
function rows<W>(
  begin: u32,
  end: u32,
  indptr: usize,
  indices: usize,
  values: usize,
  x: usize,
  xStride: usize,
  rowBytes: usize,
  out: usize,
  outStride: usize,
  accumulate: u32,
  ahead: u32,
): void {
  let rowPtr = indptr + (<usize>begin << 2);
  const stop = indptr + (<usize>end << 2);
  const lastEntry = <usize>load<u32>(stop) << 2;
  const tail = <u32>(rowBytes & 15) >> 2;
  let fetched: usize = 0;
  for (; rowPtr < stop; rowPtr += 4, out += outStride) {
    const first = <usize>load<u32>(rowPtr) << 2;
    const last = <usize>load<u32>(rowPtr, 4) << 2;
    if (ahead && last > fetched) {
      const from = max<usize>(first, fetched);
      fetched = min<usize>(lastEntry, from + (<usize>ahead << 2));
      fetchRows(from, fetched, indices, x, xStride, rowBytes);
    }
    let c: usize = 0;
    // 24 columns a time, but not where 16 divides what is left and 24 does not save a round.
    for (; c + 96 <= rowBytes && rowBytes - c != 128; c += 96) {
      columns24<W>(first, last, indices, values, x + c, xStride, out + c, accumulate);
    }
    for (; c + 64 <= rowBytes; c += 64) columns16<W>(first, last, indices, values, x + c, xStride, out + c, accumulate);
    if (c + 32 <= rowBytes) {
      columns8<W>(first, last, indices, values, x + c, xStride, out + c, accumulate);
      c += 32;
    }
    if (c + 16 <= rowBytes) {
      columns4<W>(first, last, indices, values, x + c, xStride, out + c, accumulate);
      c += 16;
    }
    if (tail) columnsTail<W>(first, last, indices, values, x + c, xStride, out + c, accumulate, tail);
  }
}

/**
 * Reads one word of every cache line that the entries [from, to) need, so that many misses overlap: the loop that
 * multiplies has so many instructions per line that few do. The same line of all rows first, then the next, or the
 * processor takes rows for streams and fetches what follows them.
 */
// @ts-ignore: decorator
@inline
export function fetchRows(from: usize, to: usize, indices: usize, x: usize, xStride: usize, rowBytes: usize): void {
  for (let line: usize = 0; line < rowBytes; line += 64) {
    for (let p = from; p < to; p += 4) load<u32>(x + line + <usize>load<u32>(indices + p) * xStride);
  }
}

// @ts-ignore: decorator
@inline
export function weight<W>(p: usize): v128 {
  if (isFloat<W>()) return v128.load32_splat(p);
  return f32x4.splat(1);
}

// @ts-ignore: decorator
@inline
export function term<W>(w: v128, x: v128, sum: v128): v128 {
  if (isFloat<W>()) return madd(w, x, sum);
  return f32x4.add(sum, x);
}

/** 24 columns of one row: six sums, the most that fit the registers; V8 loads all six vectors before it adds one. */
// @ts-ignore: decorator
@inline
function columns24<W>(first: usize, last: usize, indices: usize, values: usize, x: usize, xStride: usize, o: usize, accumulate: u32): void {
  let a0 = f32x4.splat(0);
  let a1 = f32x4.splat(0);
  let a2 = f32x4.splat(0);
  let a3 = f32x4.splat(0);
  let a4 = f32x4.splat(0);
  let a5 = f32x4.splat(0);
  if (accumulate) {
    a0 = v128.load(o);
    a1 = v128.load(o, 16);
    a2 = v128.load(o, 32);
    a3 = v128.load(o, 48);
    a4 = v128.load(o, 64);
    a5 = v128.load(o, 80);
  }
  for (let p = first; p < last; p += 4) {
    const row = x + <usize>load<u32>(indices + p) * xStride;
    const w = weight<W>(values + p);
    a0 = term<W>(w, v128.load(row), a0);
    a1 = term<W>(w, v128.load(row, 16), a1);
    a2 = term<W>(w, v128.load(row, 32), a2);
    a3 = term<W>(w, v128.load(row, 48), a3);
    a4 = term<W>(w, v128.load(row, 64), a4);
    a5 = term<W>(w, v128.load(row, 80), a5);
  }
  v128.store(o, a0);
  v128.store(o, a1, 16);
  v128.store(o, a2, 32);
  v128.store(o, a3, 48);
  v128.store(o, a4, 64);
  v128.store(o, a5, 80);
}

/** 16 columns of one row. */
// @ts-ignore: decorator
@inline
function columns16<W>(first: usize, last: usize, indices: usize, values: usize, x: usize, xStride: usize, o: usize, accumulate: u32): void {
  let a0 = f32x4.splat(0);
  let a1 = f32x4.splat(0);
  let a2 = f32x4.splat(0);
  let a3 = f32x4.splat(0);
  if (accumulate) {
    a0 = v128.load(o);
    a1 = v128.load(o, 16);
    a2 = v128.load(o, 32);
    a3 = v128.load(o, 48);
  }
  for (let p = first; p < last; p += 4) {
    const row = x + <usize>load<u32>(indices + p) * xStride;
    const w = weight<W>(values + p);
    a0 = term<W>(w, v128.load(row), a0);
    a1 = term<W>(w, v128.load(row, 16), a1);
    a2 = term<W>(w, v128.load(row, 32), a2);
    a3 = term<W>(w, v128.load(row, 48), a3);
  }
  v128.store(o, a0);
  v128.store(o, a1, 16);
  v128.store(o, a2, 32);
  v128.store(o, a3, 48);
}

/** 8 columns of one row. */
// @ts-ignore: decorator
@inline
function columns8<W>(first: usize, last: usize, indices: usize, values: usize, x: usize, xStride: usize, o: usize, accumulate: u32): void {
  let a0 = f32x4.splat(0);
  let a1 = f32x4.splat(0);
  if (accumulate) {
    a0 = v128.load(o);
    a1 = v128.load(o, 16);
  }
  for (let p = first; p < last; p += 4) {
    const row = x + <usize>load<u32>(indices + p) * xStride;
    const w = weight<W>(values + p);
    a0 = term<W>(w, v128.load(row), a0);
    a1 = term<W>(w, v128.load(row, 16), a1);
  }
  v128.store(o, a0);
  v128.store(o, a1, 16);
}

/** 4 columns of one row. */
// @ts-ignore: decorator
@inline
function columns4<W>(first: usize, last: usize, indices: usize, values: usize, x: usize, xStride: usize, o: usize, accumulate: u32): void {
  let a0 = f32x4.splat(0);
  if (accumulate) {
    a0 = v128.load(o);
  }
  for (let p = first; p < last; p += 4) {
    const row = x + <usize>load<u32>(indices + p) * xStride;
    const w = weight<W>(values + p);
    a0 = term<W>(w, v128.load(row), a0);
  }
  v128.store(o, a0);
}

/** The last 1 … 3 columns of one row. */
// @ts-ignore: decorator
@inline
function columnsTail<W>(first: usize, last: usize, indices: usize, values: usize, x: usize, xStride: usize, o: usize, accumulate: u32, count: u32): void {
  let a = f32x4.splat(0);
  if (accumulate) a = loadTail(o, count);
  for (let p = first; p < last; p += 4) {
    const row = x + <usize>load<u32>(indices + p) * xStride;
    a = term<W>(weight<W>(values + p), loadTail(row, count), a);
  }
  storeTail(o, a, count);
}
