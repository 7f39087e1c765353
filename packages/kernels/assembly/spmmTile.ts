// The product for dense rows of one cache line, which `multiplyRows` packs: a function of its own, small enough for the
// registers, that takes two entries at a time.
import { fetchRows, term, weight } from './spmm';

/**
 * out[r] (+)= Σ_e values[e] · x[indices[e]] for rows [begin, end), 16 columns, where rows of x are 64 bytes.
 *
 * @param values - address of the values, 0 if all are 1
 * @param out - address of row `begin`
 * @param outStride - bytes from one row of the result to the next
 * @param accumulate - 1 adds to what `out` holds
 * @param ahead - entries whose rows of x are fetched before they are multiplied, or 0
 */
export function spmmTile(
  begin: u32,
  end: u32,
  indptr: usize,
  indices: usize,
  values: usize,
  x: usize,
  out: usize,
  outStride: usize,
  accumulate: u32,
  ahead: u32,
): void {
  if (values) rows<f32>(begin, end, indptr, indices, values, x, out, outStride, accumulate, ahead);
  else rows<u32>(begin, end, indptr, indices, 0, x, out, outStride, accumulate, ahead);
}

function rows<W>(
  begin: u32,
  end: u32,
  indptr: usize,
  indices: usize,
  values: usize,
  x: usize,
  out: usize,
  outStride: usize,
  accumulate: u32,
  ahead: u32,
): void {
  let rowPtr = indptr + (<usize>begin << 2);
  const stop = indptr + (<usize>end << 2);
  const lastEntry = <usize>load<u32>(stop) << 2;
  let fetched: usize = 0;
  for (; rowPtr < stop; rowPtr += 4, out += outStride) {
    const first = <usize>load<u32>(rowPtr) << 2;
    const last = <usize>load<u32>(rowPtr, 4) << 2;
    if (ahead && last > fetched) {
      const from = max<usize>(first, fetched);
      fetched = min<usize>(lastEntry, from + (<usize>ahead << 2));
      fetchRows(from, fetched, indices, x, 64, 64);
    }
    row<W>(indices + first, indices + last, values + first, x, out, accumulate);
  }
}

// @ts-ignore: decorator
@inline
function row<W>(p: usize, last: usize, v: usize, x: usize, o: usize, accumulate: u32): void {
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
  for (; p + 4 < last; p += 8, v += 8) {
    const r = x + (<usize>load<u32>(p) << 6);
    const w = weight<W>(v);
    const s = x + (<usize>load<u32>(p, 4) << 6);
    const u = weight<W>(v + 4);
    a0 = term<W>(u, v128.load(s), term<W>(w, v128.load(r), a0));
    a1 = term<W>(u, v128.load(s, 16), term<W>(w, v128.load(r, 16), a1));
    a2 = term<W>(u, v128.load(s, 32), term<W>(w, v128.load(r, 32), a2));
    a3 = term<W>(u, v128.load(s, 48), term<W>(w, v128.load(r, 48), a3));
  }
  if (p < last) {
    const r = x + (<usize>load<u32>(p) << 6);
    const w = weight<W>(v);
    a0 = term<W>(w, v128.load(r), a0);
    a1 = term<W>(w, v128.load(r, 16), a1);
    a2 = term<W>(w, v128.load(r, 32), a2);
    a3 = term<W>(w, v128.load(r, 48), a3);
  }
  v128.store(o, a0);
  v128.store(o, a1, 16);
  v128.store(o, a2, 32);
  v128.store(o, a3, 48);
}
