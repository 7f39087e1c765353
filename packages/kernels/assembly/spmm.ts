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
 * @param spread - 1 if x is far larger than the caches
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
  spread: u32,
): void {
  if (values) rows<f32>(begin, end, indptr, indices, values, x, xStride, rowBytes, out, outStride, accumulate, spread);
  else rows<u32>(begin, end, indptr, indices, 0, x, xStride, rowBytes, out, outStride, accumulate, spread);
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
  spread: u32,
): void {
  let rowPtr = indptr + (<usize>begin << 2);
  const stop = indptr + (<usize>end << 2);
  const tail = <u32>(rowBytes & 15) >> 2;
  for (; rowPtr < stop; rowPtr += 4, out += outStride) {
    const first = <usize>load<u32>(rowPtr) << 2;
    const last = <usize>load<u32>(rowPtr, 4) << 2;
    if (!ASC_FEATURE_RELAXED_SIMD && spread) touch(first, last, indices, x, xStride, rowBytes);
    let c: usize = 0;
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
 * Reads one word of every cache line that a row of the result needs, of its first 32 terms. The baseline loop has so
 * many instructions per line that too few cache misses overlap; asking for all lines first makes it a tenth faster where
 * almost every line is a miss. The relaxed loop is short enough, there it costs more than it saves.
 */
// @ts-ignore: decorator
@inline
function touch(first: usize, last: usize, indices: usize, x: usize, xStride: usize, rowBytes: usize): void {
  const stop = min<usize>(last, first + 128);
  for (let p = first; p < stop; p += 4) {
    const row = x + <usize>load<u32>(indices + p) * xStride;
    for (let q: usize = 0; q < rowBytes; q += 64) load<u32>(row + q);
  }
}

// @ts-ignore: decorator
@inline
function weight<W>(p: usize): v128 {
  if (isFloat<W>()) return v128.load32_splat(p);
  return f32x4.splat(1);
}

// @ts-ignore: decorator
@inline
function term<W>(w: v128, x: v128, sum: v128): v128 {
  if (isFloat<W>()) return madd(w, x, sum);
  return f32x4.add(sum, x);
}

/** 16 columns of one row: four sums. With eight, the baseline build runs out of registers and takes half as long again. */
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
