/**
 * Natural logarithm of four float32 at once.
 *
 * x = m · 2ᵏ with m in [√½, √2); log m by the polynomial of the Cephes library (Moshier: `logf.c`, 1992), within 2 units
 * in the last place. Denormals are scaled first; 0, negative numbers, ∞ and NaN are as in IEEE 754.
 */
import { type Code, get, i32, load, seq, set, v } from './wasmCode.js';

/** Bits of √½, as a float. */
const ROOT_HALF = Math.SQRT1_2;
/** Of the polynomial in m − 1, highest power first. */
const COEFFICIENTS = [
  7.0376836292e-2, -1.151461031e-1, 1.167699874e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
  2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
];
const SMALLEST_NORMAL = 2 ** -126;
const SCALE = 2 ** 23;
/** log 2 in two parts, the first with so few bits that its product with k is exact. */
const LOG_2_HIGH = 0.693359375;
const LOG_2_LOW = -2.1219444e-4;

/** All constants; the code reads them from memory, because engines build a vector constant anew at every use. */
const CONSTANTS = [...COEFFICIENTS, ROOT_HALF, SMALLEST_NORMAL, SCALE, 23, 1, 0.5, LOG_2_HIGH, LOG_2_LOW, 0, Infinity];
/** Where the constants lie: in the first page, which holds no tensors. */
const TABLE = 1024;

/** Puts the constants where the code of {@link logarithm} looks for them. */
export function writeLogarithmTable(memory: ArrayBuffer): void {
  const table = new Float32Array(memory, TABLE, 4 * CONSTANTS.length);
  CONSTANTS.forEach((value, i) => {
    table.fill(value, 4 * i, 4 * i + 4);
  });
}

const constant = (value: number): number[] => load(i32(TABLE), 16 * CONSTANTS.indexOf(value));

/**
 * @param x - code that reads the argument
 * @param scratch - vector locals that may be written
 */
export function logarithm(x: Code, scratch: readonly [number, number, number, number]): number[] {
  const [BITS, K, F, POLYNOMIAL] = scratch;
  const isSmall = v.lt(x, constant(SMALLEST_NORMAL));
  const f = get(F);
  const zero = constant(0);
  // −∞ for zeros: all bits of the exponent, and the sign. NaN for what is below, and ∞ and NaN themselves.
  const special = v.select(v.neg(constant(Infinity)), v.or(x, v.lt(x, zero)), v.eq(x, zero));
  const isPlain = v.and(v.gt(x, zero), v.lt(x, constant(Infinity)));
  // Four terms as two pairs (Estrin's scheme): Horner's chain of dependent steps would take twice as long.
  const pair = (i: number): number[] => v.add(v.mul(constant(COEFFICIENTS[i]!), f), constant(COEFFICIENTS[i + 1]!));
  const quadruple = (i: number): number[] => v.add(v.mul(get(BITS), pair(i)), pair(i + 2));
  return seq(
    set(BITS, v.select(v.mul(x, constant(SCALE)), x, isSmall)),
    set(K, v.shiftRight32(v.sub32(get(BITS), constant(ROOT_HALF)), 23)),
    set(F, v.sub(v.sub32(get(BITS), v.shiftLeft32(get(K), 23)), constant(1))),
    set(K, v.sub(v.fromInt32(get(K)), v.and(isSmall, constant(23)))),
    set(BITS, v.mul(f, f)),
    set(POLYNOMIAL, v.mul(get(BITS), get(BITS))),
    set(
      POLYNOMIAL,
      v.add(
        quadruple(5),
        v.mul(get(POLYNOMIAL), v.add(quadruple(1), v.mul(get(POLYNOMIAL), constant(COEFFICIENTS[0]!)))),
      ),
    ),
    set(POLYNOMIAL, v.mul(v.mul(get(POLYNOMIAL), f), get(BITS))),
    set(POLYNOMIAL, v.add(get(POLYNOMIAL), v.mul(get(K), constant(LOG_2_LOW)))),
    set(POLYNOMIAL, v.sub(get(POLYNOMIAL), v.mul(get(BITS), constant(0.5)))),
    v.select(v.add(v.add(f, get(POLYNOMIAL)), v.mul(get(K), constant(LOG_2_HIGH))), special, isPlain),
  );
}
