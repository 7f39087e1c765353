/** Rows of a dense matrix moved or added by index: what packing and unpacking of messages is made of. */
import { OptionError, ShapeError } from './errors.js';
import { kernelSpace } from './kernelMemory.js';
import { copyOut, placeOf, withInput, withScratch } from './staging.js';

const CHUNK_BYTES = 256 * 1024;

/**
 * Copies rows: out[i] = x[rows[i]].
 *
 * x float32 `[n, width]`, rows int32 `[k]` in [0, n), out float32 `[k, width]`; out must not overlap x. O(k · width).
 *
 * @throws {@link ShapeError} if the lengths do not fit; {@link OptionError} if a row is outside x.
 * @example
 * const out = new Float32Array(2);
 * gatherRowsInto(Float32Array.of(5, 6, 7), 1, Int32Array.of(2, 0), out);
 * out; // => Float32Array [7, 5]
 */
export function gatherRowsInto(x: Float32Array, width: number, rows: Int32Array, out: Float32Array): void {
  const where = 'gatherRowsInto';
  checkRows(where, 'x', x, width, rows);
  if (out.length !== rows.length * width)
    throw new ShapeError(where, 'out', [out.length], `[${rows.length}, ${width}]`);
  if (out.length === 0) return;
  const { space, kernels } = kernelSpace();
  const xPlace = placeOf(space, x);
  const outPlace = placeOf(space, out);
  // Copying all of x in to copy some rows out would cost more than it saves.
  if (xPlace === undefined) {
    gatherPlain(x, width, rows, out);
    return;
  }
  withInput(space, rows, placeOf(space, rows), (indices) => {
    const rowBytes = 4 * width;
    if (outPlace !== undefined) return kernels.gatherRows(xPlace, rowBytes, indices, rows.length, outPlace);
    const step = Math.max(1, Math.min(rows.length, Math.floor(CHUNK_BYTES / rowBytes)));
    withScratch(space, step * rowBytes, (scratch) => {
      for (let begin = 0; begin < rows.length; begin += step) {
        const count = Math.min(step, rows.length - begin);
        kernels.gatherRows(xPlace, rowBytes, indices + 4 * begin, count, scratch);
        copyOut(space, scratch, out.subarray(begin * width, (begin + count) * width));
      }
    });
  });
}

/**
 * Adds rows: out[rows[i]] += x[i], in the order of i, so that repeated rows give the same bits every time.
 *
 * out float32 `[n, width]`, rows int32 `[k]` in [0, n), x float32 `[k, width]`. O(k · width).
 *
 * @throws {@link ShapeError} if the lengths do not fit; {@link OptionError} if a row is outside `out`.
 * @example
 * const out = Float32Array.of(1, 1);
 * scatterAddRowsInto(out, 1, Int32Array.of(1, 1), Float32Array.of(2, 3));
 * out; // => Float32Array [1, 6]
 */
export function scatterAddRowsInto(out: Float32Array, width: number, rows: Int32Array, x: Float32Array): void {
  const where = 'scatterAddRowsInto';
  checkRows(where, 'out', out, width, rows);
  if (x.length !== rows.length * width) throw new ShapeError(where, 'x', [x.length], `[${rows.length}, ${width}]`);
  if (x.length === 0) return;
  const { space, kernels } = kernelSpace();
  const outPlace = placeOf(space, out);
  const xPlace = placeOf(space, x);
  const rowsPlace = placeOf(space, rows);
  if (outPlace === undefined) {
    scatterPlain(out, width, rows, x);
    return;
  }
  withInput(space, rows, rowsPlace, (indices) =>
    withInput(space, x, xPlace, (from) => kernels.scatterAddRows(outPlace, 4 * width, indices, rows.length, from)),
  );
}

function gatherPlain(x: Float32Array, width: number, rows: Int32Array, out: Float32Array): void {
  for (let i = 0, to = 0; i < rows.length; i++) {
    const from = rows[i]! * width;
    for (let c = 0; c < width; c++) out[to++] = x[from + c]!;
  }
}

function scatterPlain(out: Float32Array, width: number, rows: Int32Array, x: Float32Array): void {
  for (let i = 0, from = 0; i < rows.length; i++) {
    const to = rows[i]! * width;
    for (let c = 0; c < width; c++) out[to + c] = out[to + c]! + x[from++]!;
  }
}

function checkRows(where: string, name: string, matrix: Float32Array, width: number, rows: Int32Array): void {
  if (!Number.isInteger(width) || width < 0) throw new OptionError(where, 'width', width, 'an integer ≥ 0');
  if (width === 0) return;
  const count = Math.floor(matrix.length / width);
  if (count * width !== matrix.length) throw new ShapeError(where, name, [matrix.length], `[n, ${width}]`);
  for (let i = 0; i < rows.length; i++) {
    if (rows[i]! >>> 0 >= count) throw new OptionError(where, `rows[${i}]`, rows[i], `in [0, ${count})`);
  }
}
