/**
 * Rows as messages of few bits: stochastic rounding to a grid of each row's own, without bias.
 *
 * Wan et al.: "Adaptive message quantization and parallelization for distributed full-graph GNN training" (AdaQP),
 * MLSys 2023, arXiv:2306.01381. A row is sent as its smallest value and a step, both bfloat16, and codes
 * ⌊(x − low) / step + ξ⌋ of 2, 4 or 8 bits with ξ uniform in [0, 1). We round `low` down and `step` up, so that no code
 * is cut off: the mean of a decoded number is the number.
 */
import type { Rng } from '@strata-ml/core';
import { packBitsInto, packedBytes, philox4x32, unpackBitsInto } from '@strata-ml/kernels';

/** Bits of a code. */
export type MessageBits = 2 | 4 | 8;

/** All widths of codes. */
export const messageBits = [8, 4, 2] as const;

/** Bytes that precede the codes of a row: `low` and `step`. */
const HEADER_BYTES = 4;

/** Bytes of a message: 4 per row, and per width of codes ⌈rows · width · bits / 8⌉. */
export function messageBytes(bits: Uint8Array, width: number): number {
  return messageBits.reduce((sum, b) => sum + packedBytes(countRows(bits, b) * width, b), HEADER_BYTES * bits.length);
}

/** What rows are coded with. */
export interface RowCoding {
  readonly width: number;
  /** Bits of each row: 2, 4 or 8. uint8 `[rows]`. */
  readonly bits: Uint8Array;
}

/**
 * Codes rows: headers in row order, then the codes of all rows of 8 bits, of 4, and of 2.
 *
 * @param x - float32 `[rows, width]`
 * @param ids - counter of each row's ξ. int32 `[rows]`
 * @param ranges - gets the largest minus the smallest value of each row. float64 `[rows]`
 * @param out - uint8 `[messageBytes(bits, width)]`
 */
export function encodeRows(
  x: Float32Array,
  { width, bits }: RowCoding,
  noise: { readonly rng: Rng; readonly ids: Int32Array },
  ranges: Float64Array,
  out: Uint8Array,
): void {
  const header = new DataView(out.buffer, out.byteOffset, HEADER_BYTES * bits.length);
  const words = new Uint32Array(4);
  const [key0, key1] = noise.rng.key;
  let at = header.byteLength;
  for (const b of messageBits) {
    const codes = new Uint8Array(countRows(bits, b) * width);
    let next = 0;
    for (let row = 0; row < bits.length; row++) {
      if (bits[row] !== b) continue;
      const begin = row * width;
      const [low, high] = extremes(x, begin, begin + width);
      const base = bfloat16(low, 'down');
      const step = bfloat16((high - base.value) / (2 ** b - 1), 'up');
      ranges[row] = high - low;
      header.setUint16(HEADER_BYTES * row, base.bits, true);
      header.setUint16(HEADER_BYTES * row + 2, step.bits, true);
      const perStep = step.value > 0 ? 1 / step.value : 0;
      for (let c = 0; c < width; c++) {
        if ((c & 3) === 0) philox4x32(words, key0, key1, c >>> 2, noise.ids[row]!);
        codes[next++] = (x[begin + c]! - base.value) * perStep + words[c & 3]! / 2 ** 32;
      }
    }
    const bytes = packedBytes(codes.length, b);
    packBitsInto(codes, b, out.subarray(at, at + bytes));
    at += bytes;
  }
}

/** The rows of a message, float32 `[rows, width]` into `out`. */
export function decodeRows(message: Uint8Array, { width, bits }: RowCoding, out: Float32Array): void {
  const header = new DataView(message.buffer, message.byteOffset, HEADER_BYTES * bits.length);
  let at = header.byteLength;
  for (const b of messageBits) {
    const codes = new Uint8Array(countRows(bits, b) * width);
    const bytes = packedBytes(codes.length, b);
    unpackBitsInto(message.subarray(at, at + bytes), b, codes);
    at += bytes;
    let next = 0;
    for (let row = 0; row < bits.length; row++) {
      if (bits[row] !== b) continue;
      const low = widen(header.getUint16(HEADER_BYTES * row, true));
      const step = widen(header.getUint16(HEADER_BYTES * row + 2, true));
      for (let c = row * width; c < (row + 1) * width; c++) out[c] = low + codes[next++]! * step;
    }
  }
}

/** Rows with codes of `b` bits. */
export function countRows(bits: Uint8Array, b: MessageBits): number {
  let count = 0;
  for (const of of bits) if (of === b) count++;
  return count;
}

function extremes(x: Float32Array, begin: number, end: number): [number, number] {
  let low = x[begin] ?? 0;
  let high = low;
  for (let i = begin + 1; i < end; i++) {
    // Math.min and Math.max pass a NaN on, so that it reaches the loss.
    low = Math.min(low, x[i]!);
    high = Math.max(high, x[i]!);
  }
  return [low, high];
}

const float = new Float32Array(1);
const word = new Uint32Array(float.buffer);

function widen(bits: number): number {
  word[0] = bits << 16;
  return float[0]!;
}

/** The nearest bfloat16 that is not above (`down`) or not below (`up`) a number. */
function bfloat16(x: number, direction: 'up' | 'down'): { readonly bits: number; readonly value: number } {
  float[0] = x;
  if (Number.isNaN(float[0])) return { bits: 0x7fc0, value: Number.NaN };
  let bits = word[0]! >>> 16;
  let value = widen(bits);
  const isWrong = () => (direction === 'down' ? value > x : value < x);
  while (isWrong() && Number.isFinite(value)) {
    // Away from zero is the next pattern up.
    bits = value === 0 ? (direction === 'down' ? 0x8001 : 0x0001) : bits + 1;
    value = widen(bits);
  }
  return { bits, value };
}
