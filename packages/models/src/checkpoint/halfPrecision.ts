/** 16-bit floats to float32. */

/** IEEE half precision: 1 sign, 5 exponent, 10 mantissa bits. */
export function fromFloat16(halves: Uint16Array): Float32Array {
  return Float32Array.from(halves, (h) => {
    const sign = h & 0x8000 ? -1 : 1;
    const exponent = (h >> 10) & 31;
    const mantissa = h & 1023;
    if (exponent === 0) return sign * mantissa * 2 ** -24;
    if (exponent === 31) return mantissa ? Number.NaN : sign * Number.POSITIVE_INFINITY;
    return sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
  });
}

/** bfloat16: the upper half of a float32. */
export function fromBfloat16(halves: Uint16Array): Float32Array {
  return new Float32Array(Uint32Array.from(halves, (h) => h << 16).buffer);
}
