/** One bit an entry: which side of zero it is on. */
import { bytesOf, eachPiece } from './bytes.js';
import { ShapeError } from './errors.js';
import { packedBytes } from './quantize.js';

/**
 * Packs signs: bit i is 1 if x[i] ≥ 0 (−0 too), 0 if it is negative or NaN; from the lowest bit of a byte up.
 *
 * x float32 `[n]`, out uint8 `[⌈n/8⌉]`; unused bits of the last byte become 0. O(n).
 *
 * @throws {@link ShapeError} if `out` has another length.
 * @example
 * const out = new Uint8Array(1);
 * packSignsInto(Float32Array.of(1, -1, 0), out);
 * out[0]; // => 5
 */
export function packSignsInto(x: Float32Array, out: Uint8Array): void {
  checkBits('packSignsInto', 'out', out, x.length);
  eachPiece(x.length, 4, 1, ({ kernels, input, output, begin, count, padded, bytes }) => {
    bytes(input, 4 * count).set(bytesOf(x.subarray(begin, begin + count)));
    if (padded > count) new Float32Array(bytes(input, 0).buffer, input + 4 * count, padded - count).fill(-1);
    kernels.packSigns(input, padded, output);
    out.set(bytes(output, packedBytes(count, 1)), begin / 8);
  });
}

/**
 * `positive` where a bit is 1, `negative` where it is 0: packed uint8 `[⌈n/8⌉]`, out float32 `[n]`. O(n).
 *
 * @throws {@link ShapeError} if `packed` has another length.
 */
export function unpackSignsInto(packed: Uint8Array, positive: number, negative: number, out: Float32Array): void {
  checkBits('unpackSignsInto', 'packed', packed, out.length);
  eachPiece(out.length, 1, 4, ({ kernels, input, output, begin, count, padded, bytes }) => {
    const at = begin / 8;
    bytes(input, packedBytes(count, 1)).set(packed.subarray(at, at + packedBytes(count, 1)));
    kernels.unpackSignsTo(input, padded, positive, negative, output);
    bytesOf(out.subarray(begin, begin + count)).set(bytes(output, 4 * count));
  });
}

function checkBits(where: string, name: string, packed: Uint8Array, count: number): void {
  const length = packedBytes(count, 1);
  if (packed.length !== length) throw new ShapeError(where, name, [packed.length], `[${length}] for ${count} signs`);
}
