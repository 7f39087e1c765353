/** Uniform codes of 1, 2, 4 or 8 bits for float32 numbers, and the packing of codes into bytes. */
import { bytesOf, eachPiece } from './bytes.js';
import { OptionError, ShapeError } from './errors.js';

/** A grid of 2^bits numbers. */
export interface QuantizeOptions {
  /** 1, 2, 4 or 8. */
  readonly bits: 1 | 2 | 4 | 8;
  /** The number with code 0. */
  readonly low: number;
  /** From one number to the next, > 0. */
  readonly step: number;
}

/** Bytes that `count` packed codes take: the last byte may be filled in part. */
export function packedBytes(count: number, bits: number): number {
  return Math.ceil((count * bits) / 8);
}

/**
 * Codes numbers: round((x − low) / step), ties to even, clamped to [0, 2^bits − 1], packed from the lowest bit of a byte up.
 *
 * x float32 `[n]`, out uint8 `[packedBytes(n, bits)]`; unused bits of the last byte become 0. A NaN gets
 * code 0. (x − low) and its product with 1/step are rounded to float32. O(n).
 *
 * @throws {@link OptionError} if `bits` or `step` is out of range; {@link ShapeError} if `out` has another length.
 * @example
 * const out = new Uint8Array(1);
 * quantizeInto(Float32Array.of(0, 0.9, 2.2, 9), { bits: 2, low: 0, step: 1 }, out);
 * out[0]; // => 228
 */
export function quantizeInto(x: Float32Array, { bits, low, step }: QuantizeOptions, out: Uint8Array): void {
  const where = 'quantizeInto';
  checkGrid(where, bits, step);
  checkPacked(where, 'out', out, x.length, bits);
  eachPiece(x.length, 4, 1, ({ kernels, input, output, begin, count, padded, bytes }) => {
    bytes(input, 4 * count).set(bytesOf(x.subarray(begin, begin + count)));
    // What pads the last vector gets code 0.
    if (padded > count) new Float32Array(bytes(input, 0).buffer, input + 4 * count, padded - count).fill(low);
    kernels.quantize(input, padded, bits, low, 1 / step, output);
    out.set(bytes(output, packedBytes(count, bits)), (begin * bits) / 8);
  });
}

/**
 * The numbers of packed codes: low + code · step, each operation rounded to float32.
 *
 * packed uint8 `[packedBytes(n, bits)]`, out float32 `[n]`. O(n).
 *
 * @throws {@link OptionError} if `bits` or `step` is out of range; {@link ShapeError} if `packed` has another length.
 */
export function dequantizeInto(packed: Uint8Array, { bits, low, step }: QuantizeOptions, out: Float32Array): void {
  const where = 'dequantizeInto';
  checkGrid(where, bits, step);
  checkPacked(where, 'packed', packed, out.length, bits);
  eachPiece(out.length, 1, 4, ({ kernels, input, output, begin, count, padded, bytes }) => {
    const at = (begin * bits) / 8;
    bytes(input, packedBytes(count, bits)).set(packed.subarray(at, at + packedBytes(count, bits)));
    kernels.dequantize(input, padded, bits, low, step, output);
    bytesOf(out.subarray(begin, begin + count)).set(bytes(output, 4 * count));
  });
}

/**
 * Packs codes of a byte each into `bits` bits each, from the lowest bit of a byte up; higher bits of a code are dropped.
 *
 * codes uint8 `[n]`, out uint8 `[packedBytes(n, bits)]`; unused bits of the last byte become 0. O(n).
 *
 * @throws {@link OptionError} if `bits` is not 1, 2, 4 or 8; {@link ShapeError} if `out` has another length.
 * @example
 * const out = new Uint8Array(2);
 * packBitsInto(Uint8Array.of(1, 2, 3), 4, out);
 * out; // => Uint8Array [33, 3]
 */
export function packBitsInto(codes: Uint8Array, bits: 1 | 2 | 4 | 8, out: Uint8Array): void {
  checkGrid('packBitsInto', bits, 1);
  checkPacked('packBitsInto', 'out', out, codes.length, bits);
  eachPiece(codes.length, 1, 1, ({ kernels, input, output, begin, count, padded, bytes }) => {
    bytes(input, count).set(codes.subarray(begin, begin + count));
    bytes(input + count, padded - count).fill(0);
    kernels.packBits(input, padded, bits, output);
    out.set(bytes(output, packedBytes(count, bits)), (begin * bits) / 8);
  });
}

/**
 * The reverse of {@link packBitsInto}: packed uint8 `[packedBytes(n, bits)]`, out uint8 `[n]`. O(n).
 *
 * @throws {@link OptionError} if `bits` is not 1, 2, 4 or 8; {@link ShapeError} if `packed` has another length.
 */
export function unpackBitsInto(packed: Uint8Array, bits: 1 | 2 | 4 | 8, out: Uint8Array): void {
  checkGrid('unpackBitsInto', bits, 1);
  checkPacked('unpackBitsInto', 'packed', packed, out.length, bits);
  eachPiece(out.length, 1, 1, ({ kernels, input, output, begin, count, padded, bytes }) => {
    const at = (begin * bits) / 8;
    bytes(input, packedBytes(count, bits)).set(packed.subarray(at, at + packedBytes(count, bits)));
    kernels.unpackBits(input, padded, bits, output);
    out.set(bytes(output, count), begin);
  });
}

function checkGrid(where: string, bits: number, step: number): void {
  if (![1, 2, 4, 8].includes(bits)) throw new OptionError(where, 'bits', bits, '1, 2, 4 or 8');
  if (!(step > 0 && step < Infinity)) throw new OptionError(where, 'step', step, '> 0 and finite');
}

function checkPacked(where: string, name: string, packed: Uint8Array, count: number, bits: number): void {
  const bytes = packedBytes(count, bits);
  if (packed.length !== bytes) throw new ShapeError(where, name, [packed.length], `[${bytes}] for ${count} codes`);
}
