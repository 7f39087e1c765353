// CRC-32C (Castagnoli) by eight table look-ups for eight bytes, and XXH64.

/** Fills uint32 `[8, 256]` at `tables`: entry (k, b) is the remainder of byte b followed by k zero bytes. */
export function crc32cTables(tables: usize): void {
  for (let b: u32 = 0; b < 256; b++) {
    let r = b;
    for (let i = 0; i < 8; i++) r = (r >> 1) ^ (r & 1 ? 0x82f63b78 : 0);
    store<u32>(tables + (<usize>b << 2), r);
  }
  for (let i: usize = 256; i < 2048; i++) {
    const r = load<u32>(tables + ((i - 256) << 2));
    store<u32>(tables + (i << 2), (r >> 8) ^ load<u32>(tables + (<usize>(r & 255) << 2)));
  }
}

// @ts-ignore: decorator
@inline
function look(tables: usize, k: usize, byte: u32): u32 {
  return load<u32>(tables + (k << 10) + (<usize>(byte & 255) << 2));
}

/** Continues `crc` (as it is inside: inverted) over `count` bytes. */
export function crc32c(data: usize, count: u32, tables: usize, crc: u32): u32 {
  const whole = data + (count & ~7);
  const stop = data + count;
  for (; data < whole; data += 8) {
    const a = load<u32>(data) ^ crc;
    const b = load<u32>(data, 4);
    crc =
      look(tables, 7, a) ^ look(tables, 6, a >> 8) ^ look(tables, 5, a >> 16) ^ look(tables, 4, a >> 24) ^
      look(tables, 3, b) ^ look(tables, 2, b >> 8) ^ look(tables, 1, b >> 16) ^ look(tables, 0, b >> 24);
  }
  for (; data < stop; data++) crc = (crc >> 8) ^ look(tables, 0, crc ^ load<u8>(data));
  return crc;
}

const P1: u64 = 0x9e3779b185ebca87;
const P2: u64 = 0xc2b2ae3d27d4eb4f;
const P3: u64 = 0x165667b19e3779f9;
const P4: u64 = 0x85ebca77c2b2ae63;
const P5: u64 = 0x27d4eb2f165667c5;

// @ts-ignore: decorator
@inline
function round(lane: u64, word: u64): u64 {
  return rotl<u64>(lane + word * P2, 31) * P1;
}

// @ts-ignore: decorator
@inline
function merge(hash: u64, lane: u64): u64 {
  return (hash ^ round(0, lane)) * P1 + P4;
}

/** Starts the four lanes uint64 `[4]` at `lanes`. */
export function xxHashStart(lanes: usize, seed: u64): void {
  store<u64>(lanes, seed + P1 + P2);
  store<u64>(lanes, seed + P2, 8);
  store<u64>(lanes, seed, 16);
  store<u64>(lanes, seed - P1, 24);
}

/** Feeds `count` bytes, a multiple of 32. */
export function xxHashFeed(lanes: usize, data: usize, count: u32): void {
  let a = load<u64>(lanes);
  let b = load<u64>(lanes, 8);
  let c = load<u64>(lanes, 16);
  let d = load<u64>(lanes, 24);
  for (const stop = data + count; data < stop; data += 32) {
    a = round(a, load<u64>(data));
    b = round(b, load<u64>(data, 8));
    c = round(c, load<u64>(data, 16));
    d = round(d, load<u64>(data, 24));
  }
  store<u64>(lanes, a);
  store<u64>(lanes, b, 8);
  store<u64>(lanes, c, 16);
  store<u64>(lanes, d, 24);
}

/** The hash of `total` bytes, of which the last `count` < 32 lie at `data` and the others were fed. */
export function xxHashEnd(lanes: usize, data: usize, count: u32, total: u64, seed: u64): u64 {
  let h = seed + P5;
  if (total >= 32) {
    const a = load<u64>(lanes);
    const b = load<u64>(lanes, 8);
    const c = load<u64>(lanes, 16);
    const d = load<u64>(lanes, 24);
    h = rotl<u64>(a, 1) + rotl<u64>(b, 7) + rotl<u64>(c, 12) + rotl<u64>(d, 18);
    h = merge(merge(merge(merge(h, a), b), c), d);
  }
  h += total;
  const stop = data + count;
  for (; data + 8 <= stop; data += 8) h = rotl<u64>(h ^ round(0, load<u64>(data)), 27) * P1 + P4;
  if (data + 4 <= stop) {
    h = rotl<u64>(h ^ (<u64>load<u32>(data) * P1), 23) * P2 + P3;
    data += 4;
  }
  for (; data < stop; data++) h = rotl<u64>(h ^ (<u64>load<u8>(data) * P5), 11) * P1;
  h = (h ^ (h >> 33)) * P2;
  h = (h ^ (h >> 29)) * P3;
  return h ^ (h >> 32);
}
