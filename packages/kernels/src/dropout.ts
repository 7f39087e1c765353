/**
 * Dropout whose mask is a pure function of (key, row id, column): a row that two devices hold is masked alike, the
 * gradient draws the mask again instead of storing it, and sparse and dense features lose the same entries.
 *
 * Srivastava et al.: "Dropout: a simple way to prevent neural networks from overfitting", JMLR 2014 (inverted form);
 * Salmon et al.: "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
 */
import * as tf from '@tensorflow/tfjs-core';
import { OptionError, ShapeError } from './errors.js';
import { kernelSpace } from './kernelMemory.js';
import { PlacedCsr } from './PlacedCsr.js';
import { SparseOperator } from './SparseOperator.js';
import { copyIn, copyOut, placeOf, withInput, withScratch } from './staging.js';
import { readTensor, unfilledTensor } from './tensors.js';

const CHUNK_BYTES = 128 * 1024;

/** A Philox key: two uint32 words, as of core's `Rng`. */
export type DropoutKey = readonly [number, number];

/**
 * Drops entries of a dense matrix and scales the others by 1/(1 − rate); differentiable.
 *
 * x float32 `[n, F]`, result alike. Entry (r, c) is kept iff word `c & 3` of Philox4x32-10 at counter
 * `(c >> 2, rowIds[r], 0, 0)` is ≥ rate · 2³². A dropped entry is 0 even where x is NaN; kept NaN stay. The gradient is
 * the same function of dy, nothing is stored.
 *
 * @param rowIds - identity of each row, such as the global vertex id. int32 `[n]`
 * @param rate - share of entries to drop, in [0, 1)
 * @throws {@link OptionError} if `rate` is outside [0, 1); {@link ShapeError} if there is not one id per row.
 */
export function dropoutRows(x: tf.Tensor2D, rowIds: Int32Array, rate: number, key: DropoutKey): tf.Tensor2D {
  if (x.rank !== 2 || x.shape[0] !== rowIds.length)
    throw new ShapeError('dropoutRows', 'x', x.shape, `[${rowIds.length}, F]`);
  thresholdOf('dropoutRows', rate);
  const width = x.shape[1];
  const masked = (input: tf.Tensor) =>
    unfilledTensor(x.shape, (out) => dropoutRowsInto(readTensor(input), width, rowIds, rate, key, out));
  // A customGrad at rate 0 as well: it needs no gradient registered for the copy.
  const dropped = tf.customGrad((input) => ({
    value: rate === 0 ? tf.clone(input as tf.Tensor) : masked(input as tf.Tensor),
    gradFunc: (dy: tf.Tensor) => dropoutRows(dy as tf.Tensor2D, rowIds, rate, key),
  }));
  return dropped(x) as tf.Tensor2D;
}

/**
 * {@link dropoutRows} on plain arrays: x and out float32 `[rowIds.length, width]`; they may be the same array.
 *
 * @throws {@link OptionError} if `rate` is outside [0, 1); {@link ShapeError} if the lengths do not fit.
 */
export function dropoutRowsInto(
  x: Float32Array,
  width: number,
  rowIds: Int32Array,
  rate: number,
  key: DropoutKey,
  out: Float32Array,
): void {
  const where = 'dropoutRowsInto';
  const { limit, scale } = thresholdOf(where, rate);
  const n = rowIds.length;
  if (!Number.isInteger(width) || width < 0) throw new OptionError(where, 'width', width, 'an integer ≥ 0');
  if (x.length !== n * width) throw new ShapeError(where, 'x', [x.length], `[${n}, ${width}]`);
  if (out.length !== n * width) throw new ShapeError(where, 'out', [out.length], `[${n}, ${width}]`);
  if (n * width === 0) return;
  const { space, kernels } = kernelSpace();
  const xPlace = placeOf(space, x);
  const outPlace = placeOf(space, out);
  const run = (from: number, ids: number, count: number, to: number): void =>
    kernels.dropoutRows(from, width, ids, count, limit, scale, key[0], key[1], to);
  withInput(space, rowIds, placeOf(space, rowIds), (ids) => {
    if (xPlace !== undefined && outPlace !== undefined) return run(xPlace, ids, n, outPlace);
    const rowBytes = 4 * width;
    const step = Math.max(1, Math.min(n, Math.floor(CHUNK_BYTES / rowBytes)));
    withScratch(space, step * rowBytes, (scratch) => {
      for (let begin = 0; begin < n; begin += step) {
        const count = Math.min(step, n - begin);
        const range = [begin * width, (begin + count) * width] as const;
        if (xPlace === undefined) copyIn(space, x.subarray(...range), scratch);
        const from = xPlace === undefined ? scratch : xPlace + begin * rowBytes;
        const to = outPlace === undefined ? scratch : outPlace + begin * rowBytes;
        run(from, ids + 4 * begin, count, to);
        if (outPlace === undefined) copyOut(space, scratch, out.subarray(...range));
      }
    });
  });
}

/**
 * Drops stored entries of a sparse matrix by the rule of {@link dropoutRows} at (rowIds[row], column): the result equals
 * dropout of the dense matrix. What is dropped is not stored: a product with the result costs as much as there are
 * entries left. It lies in the kernel memory (8 bytes for each entry of `op`) until it is disposed or garbage.
 *
 * @param rowIds - identity of each row. int32 `[op.rows]`
 * @param rate - share of entries to drop, in [0, 1)
 * @throws {@link OptionError} if `rate` is outside [0, 1); {@link ShapeError} if there is not one id per row.
 */
export function dropoutSparse(op: SparseOperator, rowIds: Int32Array, rate: number, key: DropoutKey): SparseOperator {
  const where = 'dropoutSparse';
  const { limit, scale } = thresholdOf(where, rate);
  if (rowIds.length !== op.rows) throw new ShapeError(where, 'rowIds', [rowIds.length], `[${op.rows}]`);
  const { rows, cols, nnz } = op;
  const { space, kernels } = kernelSpace();
  const idsPlace = placeOf(space, rowIds);
  op.addresses(space); // May grow the memory, so before the new block finds its place.
  const placed = PlacedCsr.reserve(space, rows, nnz);
  try {
    const { indptr, indices, values } = op.addresses(space);
    withInput(space, rowIds, idsPlace, (ids) => {
      const out = placed.addresses;
      const from = [rows, indptr, indices, values, ids] as const;
      placed.nnz = kernels.dropoutSparse(...from, limit, scale, key[0], key[1], out.indptr, out.indices, out.values);
    });
  } catch (error) {
    placed.release();
    throw error;
  }
  return SparseOperator.placed(rows, cols, placed);
}

/** The least uint32 that is kept, and the factor of what is kept. */
function thresholdOf(where: string, rate: number): { readonly limit: number; readonly scale: number } {
  const limit = Math.ceil(rate * 2 ** 32);
  // Rates within 2⁻³² of 1 would keep nothing and scale by more than 2³².
  if (!(rate >= 0 && limit < 2 ** 32)) throw new OptionError(where, 'rate', rate, 'in [0, 1)');
  return { limit, scale: 1 / (1 - rate) };
}
