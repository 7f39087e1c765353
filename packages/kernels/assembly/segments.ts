// Sums over the entries of a row (entries of a row are contiguous), and maxima over the neighbours of a row.
import { loadTail, storeTail } from './simd';

/** out[r] = Σ x[e] over entries e of row r, in order; divided by their number if `mean`. */
export function segmentSum(rows: u32, indptr: usize, x: usize, rowBytes: usize, out: usize, mean: u32): void {
  const tail = <u32>(rowBytes & 15) >> 2;
  const whole = rowBytes & ~15;
  for (const stop = indptr + (<usize>rows << 2); indptr < stop; indptr += 4, out += rowBytes) {
    const first = load<u32>(indptr);
    const last = load<u32>(indptr, 4);
    memory.fill(out, 0, rowBytes);
    for (let e = first; e < last; e++, x += rowBytes) {
      for (let c: usize = 0; c < whole; c += 16) {
        v128.store(out + c, f32x4.add(v128.load(out + c), v128.load(x + c)));
      }
      if (tail) storeTail(out + whole, f32x4.add(loadTail(out + whole, tail), loadTail(x + whole, tail)), tail);
    }
    if (mean && last - first > 1) {
      const count = f32x4.splat(<f32>(last - first));
      for (let c: usize = 0; c < whole; c += 16) v128.store(out + c, f32x4.div(v128.load(out + c), count));
      if (tail) storeTail(out + whole, f32x4.div(loadTail(out + whole, tail), count), tail);
    }
  }
}

/** A term replaces the best so far if it is greater, or the first NaN. */
// @ts-ignore: decorator
@inline
function replaces(term: v128, best: v128): v128 {
  return v128.or(f32x4.gt(term, best), v128.and(f32x4.ne(term, term), f32x4.eq(best, best)));
}

/**
 * out[r] = max over entries e of values[e] · x[indices[e]], per column; arg[r] the first entry that reaches it. Rows
 * without entries become 0 and −1.
 *
 * @param values - address of the values, 0 if all are 1
 */
export function spmmMax(
  rows: u32,
  indptr: usize,
  indices: usize,
  values: usize,
  x: usize,
  rowBytes: usize,
  out: usize,
  arg: usize,
): void {
  const tail = <u32>(rowBytes & 15) >> 2;
  const whole = rowBytes & ~15;
  for (const stop = indptr + (<usize>rows << 2); indptr < stop; indptr += 4, out += rowBytes, arg += rowBytes) {
    const first = load<u32>(indptr);
    const last = load<u32>(indptr, 4);
    const start: f32 = first == last ? 0 : -Infinity;
    const empty = f32x4.splat(start);
    // −∞ may be the maximum, so the first entry holds it until a greater one comes.
    const none = i32x4.splat(first == last ? -1 : <i32>first);
    for (let c: usize = 0; c < whole; c += 16) {
      v128.store(out + c, empty);
      v128.store(arg + c, none);
    }
    if (tail) {
      storeTail(out + whole, empty, tail);
      storeTail(arg + whole, none, tail);
    }
    for (let e = first; e < last; e++) {
      const p = <usize>e << 2;
      const row = x + <usize>load<u32>(indices + p) * rowBytes;
      let weight = f32x4.splat(1);
      if (values) weight = v128.load32_splat(values + p);
      const entry = i32x4.splat(e);
      for (let c: usize = 0; c < whole; c += 16) {
        const term = f32x4.mul(weight, v128.load(row + c));
        const best = v128.load(out + c);
        const take = replaces(term, best);
        v128.store(out + c, v128.bitselect(term, best, take));
        v128.store(arg + c, v128.bitselect(entry, v128.load(arg + c), take));
      }
      if (tail) {
        const term = f32x4.mul(weight, loadTail(row + whole, tail));
        const best = loadTail(out + whole, tail);
        const take = replaces(term, best);
        storeTail(out + whole, v128.bitselect(term, best, take), tail);
        storeTail(arg + whole, v128.bitselect(entry, loadTail(arg + whole, tail), take), tail);
      }
    }
  }
}
