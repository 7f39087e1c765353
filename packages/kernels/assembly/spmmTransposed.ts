// The transpose of a CSR matrix times a dense one, without transposing: every row is added to the rows of the result that
// its entries name. Rows in ascending order, so each sum has the order of the transpose's row.
import { loadTail, madd, storeTail } from './simd';

/** Up to four floats, the rest 0. */
// @ts-ignore: decorator
@inline
function part(p: usize, bytes: i32): v128 {
  if (bytes >= 16) return v128.load(p);
  return bytes > 0 ? loadTail(p, <u32>bytes >> 2) : f32x4.splat(0);
}

/**
 * out[indices[e]] += values[e] · x[r] for all entries e of all rows r, for up to 16 columns; rows of `out` are 64 bytes.
 *
 * @param values - address of the values, 0 if all are 1
 * @param xStride - bytes from one row of x to the next
 * @param bytes - bytes of it that are multiplied, up to 64
 */
export function spmmTransposed(
  rows: u32,
  indptr: usize,
  indices: usize,
  values: usize,
  x: usize,
  xStride: usize,
  bytes: i32,
  out: usize,
): void {
  for (const stop = indptr + (<usize>rows << 2); indptr < stop; indptr += 4, x += xStride) {
    const x0 = part(x, bytes);
    const x1 = part(x + 16, bytes - 16);
    const x2 = part(x + 32, bytes - 32);
    const x3 = part(x + 48, bytes - 48);
    const last = <usize>load<u32>(indptr, 4) << 2;
    for (let p = <usize>load<u32>(indptr) << 2; p < last; p += 4) {
      const row = out + (<usize>load<u32>(indices + p) << 6);
      const w = values ? v128.load32_splat(values + p) : f32x4.splat(1);
      v128.store(row, madd(w, x0, v128.load(row)));
      v128.store(row, madd(w, x1, v128.load(row, 16)), 16);
      v128.store(row, madd(w, x2, v128.load(row, 32)), 32);
      v128.store(row, madd(w, x3, v128.load(row, 48)), 48);
    }
  }
}
