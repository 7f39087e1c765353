/** Rows gathered into 16-bit floats and added from them: messages at half the bytes. */
import { ShapeError } from './errors.js';
import { bfloat16From, bfloat16To, float16From, float16To } from './halves.js';
import { gatherRowsInto, scatterAddRowsInto } from './rows.js';

/** IEEE half precision, or the upper half of a float32. */
export type HalfFormat = 'float16' | 'bfloat16';

/** Elements converted at a time: they stay in the second-level cache between the two steps. */
const CHUNK = 32_768;

/**
 * Copies rows and rounds them to 16 bits: out[i] = half(x[rows[i]]), to nearest, ties to even.
 *
 * x float32 `[n, width]`, rows int32 `[k]` in [0, n), out uint16 `[k, width]`. O(k · width).
 *
 * @throws {@link ShapeError} if the lengths do not fit; {@link OptionError} if a row is outside x.
 * @example
 * const out = new Uint16Array(1);
 * gatherHalfRowsInto(Float32Array.of(5, 1), 1, Int32Array.of(1), 'float16', out);
 * out[0]; // => 15360
 */
export function gatherHalfRowsInto(
  x: Float32Array,
  width: number,
  rows: Int32Array,
  format: HalfFormat,
  out: Uint16Array,
): void {
  checkHalves('gatherHalfRowsInto', 'out', out, rows.length, width);
  const narrow = format === 'float16' ? float16From : bfloat16From;
  const step = Math.max(1, Math.floor(CHUNK / Math.max(1, width)));
  const piece = new Float32Array(Math.min(step, rows.length) * width);
  for (let begin = 0; begin < rows.length; begin += step) {
    const some = rows.subarray(begin, begin + step);
    const gathered = piece.subarray(0, some.length * width);
    gatherRowsInto(x, width, some, gathered);
    narrow(gathered, out.subarray(begin * width, (begin + some.length) * width));
  }
}

/**
 * Adds rows of 16-bit floats: out[rows[i]] += float(x[i]), in the order of i, so that repeated rows give the same bits.
 *
 * out float32 `[n, width]`, rows int32 `[k]` in [0, n), x uint16 `[k, width]`. O(k · width).
 *
 * @throws {@link ShapeError} if the lengths do not fit; {@link OptionError} if a row is outside `out`.
 */
export function scatterAddHalfRowsInto(
  out: Float32Array,
  width: number,
  rows: Int32Array,
  format: HalfFormat,
  x: Uint16Array,
): void {
  checkHalves('scatterAddHalfRowsInto', 'x', x, rows.length, width);
  const widen = format === 'float16' ? float16To : bfloat16To;
  const step = Math.max(1, Math.floor(CHUNK / Math.max(1, width)));
  const piece = new Float32Array(Math.min(step, rows.length) * width);
  for (let begin = 0; begin < rows.length; begin += step) {
    const some = rows.subarray(begin, begin + step);
    const widened = piece.subarray(0, some.length * width);
    widen(x.subarray(begin * width, (begin + some.length) * width), widened);
    scatterAddRowsInto(out, width, some, widened);
  }
}

function checkHalves(where: string, name: string, halves: Uint16Array, rows: number, width: number): void {
  if (halves.length !== rows * width) throw new ShapeError(where, name, [halves.length], `[${rows}, ${width}]`);
}
