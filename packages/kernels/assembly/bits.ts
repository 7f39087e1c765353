// Floats to codes of 1, 2, 4 or 8 bits and back; codes lie in bytes from the lowest bit up. 16 elements at a time.

/** Codes of four floats: round((x − low) · inverse), ties to even, clamped to [0, top]; a NaN gives 0. */
// @ts-ignore: decorator
@inline
function codes(x: usize, low: v128, inverse: v128, top: v128): v128 {
  const scaled = f32x4.nearest(f32x4.mul(f32x4.sub(v128.load(x), low), inverse));
  return i32x4.trunc_sat_f32x4_u(f32x4.min(scaled, top));
}

/** Two codes of `bits` bits in the 8-bit halves of each 16-bit lane, to one of twice the bits; eight in the low half. */
// @ts-ignore: decorator
@inline
function join(v: v128, bits: i32): v128 {
  const low = v128.and(v, i16x8.splat(0xff));
  const joined = v128.or(low, i16x8.shr_u(v, 8 - bits));
  return i8x16.narrow_i16x8_u(v128.and(joined, i16x8.splat(0xff)), i16x8.splat(0));
}

/** Each byte of the low half to two: its lower and its upper `bits` bits. */
// @ts-ignore: decorator
@inline
function split(v: v128, bits: i32): v128 {
  const mask = i8x16.splat(<i8>((<i32>1 << <i32>bits) - 1));
  const low = v128.and(v, mask);
  const high = v128.and(i8x16.shr_u(v, bits), mask);
  return v128.shuffle<i8>(low, high, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}

/** Stores 16 codes of a byte each with `bits` bits each. */
// @ts-ignore: decorator
@inline
export function storeCodes(v: v128, bits: u32, out: usize): void {
  if (bits == 8) v128.store(out, v);
  else if (bits == 4) v128.store_lane<u64>(out, join(v, 4), 0);
  else if (bits == 2) v128.store_lane<u32>(out, join(join(v, 2), 4), 0);
  else store<u16>(out, <u16>i8x16.bitmask(i8x16.shl(v, 7)));
}

/** All ones in the bytes whose bit is 1, of 16 bits at `p`. */
// @ts-ignore: decorator
@inline
export function unpackSigns(p: usize): v128 {
  const two = v128.load16_splat(p);
  const bytes = v128.shuffle<i8>(two, two, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1);
  const bit = i8x16(1, 2, 4, 8, 16, 32, 64, -128, 1, 2, 4, 8, 16, 32, 64, -128);
  return i8x16.ne(v128.and(bytes, bit), i8x16.splat(0));
}

/** Loads 16 codes of `bits` bits each. */
// @ts-ignore: decorator
@inline
function loadCodes(p: usize, bits: u32): v128 {
  if (bits == 8) return v128.load(p);
  if (bits == 4) return split(v128.load64_zero(p), 4);
  if (bits == 2) return split(split(v128.load32_zero(p), 4), 2);
  return v128.and(unpackSigns(p), i8x16.splat(1));
}

/** `count` floats (a multiple of 16: the caller rounds up) to packed codes. */
export function quantize(x: usize, count: u32, bits: u32, low: f32, inverse: f32, out: usize): void {
  const lows = f32x4.splat(low);
  const inverses = f32x4.splat(inverse);
  const top = f32x4.splat(<f32>((1 << bits) - 1));
  for (const stop = x + (<usize>count << 2); x < stop; x += 64, out += bits << 1) {
    const a = i16x8.narrow_i32x4_u(codes(x, lows, inverses, top), codes(x + 16, lows, inverses, top));
    const b = i16x8.narrow_i32x4_u(codes(x + 32, lows, inverses, top), codes(x + 48, lows, inverses, top));
    storeCodes(i8x16.narrow_i16x8_u(a, b), bits, out);
  }
}

/** Packed codes to `count` floats (a multiple of 16): low + code · step. */
export function dequantize(packed: usize, count: u32, bits: u32, low: f32, step: f32, out: usize): void {
  const lows = f32x4.splat(low);
  const steps = f32x4.splat(step);
  for (const stop = out + (<usize>count << 2); out < stop; out += 64, packed += bits << 1) {
    const c = loadCodes(packed, bits);
    const a = i16x8.extend_low_i8x16_u(c);
    const b = i16x8.extend_high_i8x16_u(c);
    v128.store(out, f32x4.add(f32x4.mul(f32x4.convert_i32x4_u(i32x4.extend_low_i16x8_u(a)), steps), lows));
    v128.store(out, f32x4.add(f32x4.mul(f32x4.convert_i32x4_u(i32x4.extend_high_i16x8_u(a)), steps), lows), 16);
    v128.store(out, f32x4.add(f32x4.mul(f32x4.convert_i32x4_u(i32x4.extend_low_i16x8_u(b)), steps), lows), 32);
    v128.store(out, f32x4.add(f32x4.mul(f32x4.convert_i32x4_u(i32x4.extend_high_i16x8_u(b)), steps), lows), 48);
  }
}

/** `count` codes (a multiple of 16) of a byte each to `bits` bits each; bits beyond are dropped. */
export function packBits(codes: usize, count: u32, bits: u32, out: usize): void {
  const mask = i8x16.splat(<i8>((<i32>1 << <i32>bits) - 1));
  for (const stop = codes + count; codes < stop; codes += 16, out += bits << 1) {
    storeCodes(v128.and(v128.load(codes), mask), bits, out);
  }
}

/** The reverse of `packBits`. */
export function unpackBits(packed: usize, count: u32, bits: u32, out: usize): void {
  for (const stop = out + count; out < stop; out += 16, packed += bits << 1) v128.store(out, loadCodes(packed, bits));
}
