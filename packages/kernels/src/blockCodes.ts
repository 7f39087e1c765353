/** Signed codes of a byte with a scale for each block, and ternary codes: what int8, QSGD and TernGrad send. */
import { bytesOf, eachPiece } from './bytes.js';
import { OptionError, ShapeError } from './errors.js';
import { packedBytes } from './quantize.js';

/** Elements that `eachPiece` takes at a time; blocks end at multiples of it. */
const PIECE = 16_384;

/** How {@link quantizeBlocksInto} makes its codes. */
export interface BlockCodeOptions {
  /** Elements that share a scale: 16 times a power of two, up to 16384. */
  readonly block: number;
  /** Largest code, 1 … 127. */
  readonly levels: number;
  /** What a block is measured by: its largest |x|, or its Euclidean norm. */
  readonly measure: 'max' | 'norm';
  /** Rounds at random, up with the probability of the fraction, by generators under this key; else to nearest. */
  readonly key?: readonly [number, number];
}

/**
 * Codes of a byte with a scale for each block: scale = measure / levels, code = x / scale, rounded.
 *
 * x float32 `[n]`, codes int8 `[n]`, scales float32 `[⌈n / block⌉]`. Random words come from four
 * generators xoshiro128++ for each piece of 16384 entries: entry i takes from generator i & 3, which starts with the Philox
 * words of `key` at counter (4·⌊i / 16384⌋ + (i & 3), 0, 0, 0). A block whose scale is below the smallest normal number gets codes 0. A NaN or an infinity
 * makes the block's scale NaN or infinite. O(n).
 *
 * @throws {@link OptionError} if `block` or `levels` is out of range; {@link ShapeError} if an output has another length.
 * @example
 * const [codes, scales] = [new Int8Array(3), new Float32Array(1)];
 * quantizeBlocksInto(Float32Array.of(1, -0.5, 0), { block: 16, levels: 127, measure: 'max' }, codes, scales);
 * codes; // => Int8Array [127, -64, 0]
 */
export function quantizeBlocksInto(
  x: Float32Array,
  { block, levels, measure, key }: BlockCodeOptions,
  codes: Int8Array,
  scales: Float32Array,
): void {
  const where = 'quantizeBlocksInto';
  checkBlock(where, block, codes, scales, x.length);
  if (!(Number.isInteger(levels) && levels >= 1 && levels <= 127)) {
    throw new OptionError(where, 'levels', levels, 'a whole number from 1 to 127');
  }
  eachPiece(x.length, 4, key ? 9 : 5, ({ kernels, input, output, begin, count, padded, bytes }) => {
    bytes(input, 4 * count).set(bytesOf(x.subarray(begin, begin + count)));
    bytes(input + 4 * count, 4 * (padded - count)).fill(0);
    const isNorm = measure === 'norm' ? 1 : 0;
    // Codes, scales (at most one for 16 elements) and random words.
    const at = output + padded;
    const words = key ? output + 2 * padded : 0;
    if (key) kernels.randomWords(key[0], key[1], begin / PIECE, padded, words);
    kernels.quantizeBlocks(input, padded, block, isNorm, levels, words, output, at);
    bytesOf(codes).set(bytes(output, count), begin);
    scales.set(new Float32Array(bytes(at, 0).buffer, at, Math.ceil(count / block)), begin / block);
  });
}

/**
 * code · scale: the way back from {@link quantizeBlocksInto}. codes int8 `[n]`, scales float32 `[⌈n / block⌉]`, out float32 `[n]`.
 *
 * @throws {@link OptionError} if `block` is out of range; {@link ShapeError} if lengths do not fit.
 */
export function dequantizeBlocksInto(codes: Int8Array, block: number, scales: Float32Array, out: Float32Array): void {
  checkBlock('dequantizeBlocksInto', block, codes, scales, out.length);
  eachPiece(out.length, 5, 4, ({ kernels, input, output, begin, count, padded, bytes }) => {
    bytes(input, count).set(bytesOf(codes.subarray(begin, begin + count)));
    const at = input + padded;
    const blocks = Math.ceil(count / block);
    new Float32Array(bytes(at, 0).buffer, at, blocks).set(scales.subarray(begin / block, begin / block + blocks));
    kernels.dequantizeBlocks(input, padded, block, at, output);
    bytesOf(out.subarray(begin, begin + count)).set(bytes(output, 4 * count));
  });
}

/**
 * Rounds x / scale at random to −1, 0 or 1, after clipping to ±scale, in two bits each (codes 0, 1, 2; `dequantizeInto` with
 * `low` = −scale, `step` = scale is the way back). Random words as in {@link quantizeBlocksInto}.
 *
 * x float32 `[n]`, out uint8 `[⌈n/4⌉]`; unused bits of the last byte are those of zeros. A scale of 0 codes zeros. O(n).
 *
 * @throws {@link OptionError} if `scale` is negative or not finite; {@link ShapeError} if `out` has another length.
 */
export function ternaryInto(x: Float32Array, scale: number, key: readonly [number, number], out: Uint8Array): void {
  const where = 'ternaryInto';
  if (!(scale >= 0 && scale < Infinity)) throw new OptionError(where, 'scale', scale, '≥ 0 and finite');
  const length = packedBytes(x.length, 2);
  if (out.length !== length) throw new ShapeError(where, 'out', [out.length], `[${length}] for ${x.length} codes`);
  const inverse = scale > 2 ** -126 ? 1 / scale : 0;
  eachPiece(x.length, 4, 5, ({ kernels, input, output, begin, count, padded, bytes }) => {
    bytes(input, 4 * count).set(bytesOf(x.subarray(begin, begin + count)));
    bytes(input + 4 * count, 4 * (padded - count)).fill(0);
    const words = output + padded;
    kernels.randomWords(key[0], key[1], begin / PIECE, padded, words);
    kernels.ternary(input, padded, inverse, words, output);
    out.set(bytes(output, packedBytes(count, 2)), begin / 4);
  });
}

function checkBlock(where: string, block: number, codes: Int8Array, scales: Float32Array, count: number): void {
  if (!(Number.isInteger(block) && block >= 16 && PIECE % block === 0)) {
    throw new OptionError(where, 'block', block, `16 times a power of two, up to ${PIECE}`);
  }
  if (codes.length !== count) throw new ShapeError(where, 'codes', [codes.length], `[${count}]`);
  const blocks = Math.ceil(count / block);
  if (scales.length !== blocks) throw new ShapeError(where, 'scales', [scales.length], `[${blocks}]`);
}
