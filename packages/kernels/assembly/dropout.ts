// Dropout whose mask is a function of (key, row id, column): entry (r, c) is kept iff word c & 3 of the Philox block at
// counter (c >> 2, id, 0, 0) is at least `limit`. Dropped entries become +0, whatever they were.
import { philox4, word0, word1, word2, word3 } from './philox';
import { loadLanes } from './lanes';
import { loadTail, storeTail } from './simd';

/** Raw Philox words of 4·`groups` counters (16 bytes each) at `counters`, to `out`; for tests. */
export function philoxBlocks(k0: u32, k1: u32, counters: usize, groups: u32, out: usize): void {
  for (let g: u32 = 0; g < groups; g++, counters += 64, out += 64) {
    const a = v128.load(counters);
    const b = v128.load(counters, 16);
    const c = v128.load(counters, 32);
    const d = v128.load(counters, 48);
    const ab = v128.shuffle<i32>(a, b, 0, 4, 1, 5);
    const cd = v128.shuffle<i32>(c, d, 0, 4, 1, 5);
    const abHigh = v128.shuffle<i32>(a, b, 2, 6, 3, 7);
    const cdHigh = v128.shuffle<i32>(c, d, 2, 6, 3, 7);
    philox4(
      k0,
      k1,
      v128.shuffle<i64>(ab, cd, 0, 2),
      v128.shuffle<i64>(ab, cd, 1, 3),
      v128.shuffle<i64>(abHigh, cdHigh, 0, 2),
      v128.shuffle<i64>(abHigh, cdHigh, 1, 3),
    );
    const low = v128.shuffle<i32>(word0, word1, 0, 4, 1, 5);
    const lowHigh = v128.shuffle<i32>(word2, word3, 0, 4, 1, 5);
    const high = v128.shuffle<i32>(word0, word1, 2, 6, 3, 7);
    const highHigh = v128.shuffle<i32>(word2, word3, 2, 6, 3, 7);
    v128.store(out, v128.shuffle<i64>(low, lowHigh, 0, 2));
    v128.store(out, v128.shuffle<i64>(low, lowHigh, 1, 3), 16);
    v128.store(out, v128.shuffle<i64>(high, highHigh, 0, 2), 32);
    v128.store(out, v128.shuffle<i64>(high, highHigh, 1, 3), 48);
  }
}

/** Kept entries of four columns times `scale`; `count` < 4 at the end of a row. */
// @ts-ignore: decorator
@inline
function maskColumns(words: v128, limit: v128, scale: v128, x: usize, out: usize, count: u32): void {
  const keep = i32x4.ge_u(words, limit);
  if (count >= 4) v128.store(out, v128.and(f32x4.mul(v128.load(x), scale), keep));
  else storeTail(out, v128.and(f32x4.mul(loadTail(x, count), scale), keep), count);
}

/** Dense rows: x and out `[count, width]`, ids `[count]`. x and out may be the same. */
export function dropoutRows(
  x: usize,
  width: u32,
  ids: usize,
  count: u32,
  limit: u32,
  scale: f32,
  k0: u32,
  k1: u32,
  out: usize,
): void {
  const zero = i32x4.splat(0);
  const limits = i32x4.splat(limit);
  const scales = f32x4.splat(scale);
  const counters = (width + 3) >> 2;
  const total = counters * count;
  const lastCount = width - ((counters - 1) << 2);
  // A lane is one (row, four columns); a group of four lanes may span rows, so narrow rows waste nothing.
  let row: u32 = 0;
  let counter: u32 = 0;
  let at: usize = 0;
  for (let lane: u32 = 0; lane < total; lane += 4) {
    let c0 = zero;
    let c1 = zero;
    const at0 = at;
    const n0 = counter + 1 == counters ? lastCount : 4;
    c0 = i32x4.replace_lane(c0, 0, counter);
    c1 = i32x4.replace_lane(c1, 0, load<u32>(ids + (<usize>row << 2)));
    at += n0 << 2;
    if (++counter == counters) {
      counter = 0;
      row++;
    }
    // Lanes past the end keep counter 0 of some row and are not stored.
    const at1 = at;
    let n1: u32 = 0;
    if (lane + 1 < total) {
      n1 = counter + 1 == counters ? lastCount : 4;
      c0 = i32x4.replace_lane(c0, 1, counter);
      c1 = i32x4.replace_lane(c1, 1, load<u32>(ids + (<usize>row << 2)));
      at += n1 << 2;
      if (++counter == counters) {
        counter = 0;
        row++;
      }
    }
    const at2 = at;
    let n2: u32 = 0;
    if (lane + 2 < total) {
      n2 = counter + 1 == counters ? lastCount : 4;
      c0 = i32x4.replace_lane(c0, 2, counter);
      c1 = i32x4.replace_lane(c1, 2, load<u32>(ids + (<usize>row << 2)));
      at += n2 << 2;
      if (++counter == counters) {
        counter = 0;
        row++;
      }
    }
    const at3 = at;
    let n3: u32 = 0;
    if (lane + 3 < total) {
      n3 = counter + 1 == counters ? lastCount : 4;
      c0 = i32x4.replace_lane(c0, 3, counter);
      c1 = i32x4.replace_lane(c1, 3, load<u32>(ids + (<usize>row << 2)));
      at += n3 << 2;
      if (++counter == counters) {
        counter = 0;
        row++;
      }
    }
    philox4(k0, k1, c0, c1, zero, zero);
    const low = v128.shuffle<i32>(word0, word1, 0, 4, 1, 5);
    const lowHigh = v128.shuffle<i32>(word2, word3, 0, 4, 1, 5);
    const high = v128.shuffle<i32>(word0, word1, 2, 6, 3, 7);
    const highHigh = v128.shuffle<i32>(word2, word3, 2, 6, 3, 7);
    maskColumns(v128.shuffle<i64>(low, lowHigh, 0, 2), limits, scales, x + at0, out + at0, n0);
    if (n1) maskColumns(v128.shuffle<i64>(low, lowHigh, 1, 3), limits, scales, x + at1, out + at1, n1);
    if (n2) maskColumns(v128.shuffle<i64>(high, highHigh, 0, 2), limits, scales, x + at2, out + at2, n2);
    if (n3) maskColumns(v128.shuffle<i64>(high, highHigh, 1, 3), limits, scales, x + at3, out + at3, n3);
  }
}

/** Writes one lane's entry at the cursor; returns the cursor, one further if the entry stays. */
// @ts-ignore: decorator
@inline
function put(column: u32, value: f32, kept: u32, at: usize, outIndices: usize, outValues: usize): usize {
  // Written in any case and overwritten by the next one: no branch that a processor could not predict.
  store<u32>(outIndices + at, column);
  store<f32>(outValues + at, value);
  return at + (kept & 4);
}

/**
 * What stays of the stored entries of a CSR matrix, in their order; an entry's column and row id decide. Writes
 * `outIndptr` `[rows + 1]`, and needs room for one entry more than the matrix has in the other outputs.
 *
 * @param values - address of the values, 0 if all are 1
 * @returns how many stay
 */
export function dropoutSparse(
  rows: u32,
  indptr: usize,
  indices: usize,
  values: usize,
  ids: usize,
  limit: u32,
  scale: f32,
  k0: u32,
  k1: u32,
  outIndptr: usize,
  outIndices: usize,
  outValues: usize,
): u32 {
  const zero = i32x4.splat(0);
  const limits = i32x4.splat(limit);
  const scales = f32x4.splat(scale);
  const three = i32x4.splat(3);
  let at: usize = 0;
  store<u32>(outIndptr, 0);
  for (let row: u32 = 0; row < rows; row++, indptr += 4, ids += 4) {
    const rowIds = v128.load32_splat(ids);
    const end = <usize>load<u32>(indptr, 4) << 2;
    for (let p = <usize>load<u32>(indptr) << 2; p < end; p += 16) {
      const count = <u32>min<usize>(4, (end - p) >> 2);
      const columns = loadLanes(indices + p, count);
      philox4(k0, k1, i32x4.shr_u(columns, 2), rowIds, zero, zero);
      const word = v128.and(columns, three);
      let words = v128.bitselect(word1, word0, i32x4.eq(word, i32x4.splat(1)));
      words = v128.bitselect(word2, words, i32x4.eq(word, i32x4.splat(2)));
      words = v128.bitselect(word3, words, i32x4.eq(word, three));
      const keep = i32x4.ge_u(words, limits);
      const v = values ? f32x4.mul(loadLanes(values + p, count), scales) : scales;
      at = put(i32x4.extract_lane(columns, 0), f32x4.extract_lane(v, 0), i32x4.extract_lane(keep, 0), at, outIndices, outValues);
      if (count > 1) at = put(i32x4.extract_lane(columns, 1), f32x4.extract_lane(v, 1), i32x4.extract_lane(keep, 1), at, outIndices, outValues);
      if (count > 2) at = put(i32x4.extract_lane(columns, 2), f32x4.extract_lane(v, 2), i32x4.extract_lane(keep, 2), at, outIndices, outValues);
      if (count > 3) at = put(i32x4.extract_lane(columns, 3), f32x4.extract_lane(v, 3), i32x4.extract_lane(keep, 3), at, outIndices, outValues);
    }
    outIndptr += 4;
    store<u32>(outIndptr, <u32>(at >> 2));
  }
  return <u32>(at >> 2);
}
