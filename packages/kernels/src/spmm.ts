/** Sparse times dense. */
import * as tf from '@tensorflow/tfjs-core';
import { OptionError, ShapeError } from './errors.js';
import { kernelSpace } from './kernelMemory.js';
import { multiplyRows } from './multiplyRows.js';
import type { SparseOperator } from './SparseOperator.js';
import { spmmTransposedInto } from './spmmTransposed.js';
import { copyIn, copyOut, placeOf, withInput, withScratch } from './staging.js';
import { readTensor, unfilledTensor } from './tensors.js';

// Rows of the result that are copied out at a time: enough to be worth packing x in columns for.
const CHUNK_BYTES = 8 * 1024 * 1024;

/** Options of {@link spmmInto}. */
export interface SpmmOptions {
  /** First row of the result to compute. @defaultValue `0` */
  readonly rowBegin?: number;
  /** One past the last row to compute. @defaultValue `op.rows` */
  readonly rowEnd?: number;
  /** Add to what `out` holds instead of replacing it. @defaultValue `false` */
  readonly accumulate?: boolean;
}

/**
 * Computes out = op·x on plain arrays, for rows [rowBegin, rowEnd) of `out` only; other rows are not touched.
 *
 * x is float32 `[op.cols, width]`, out float32 `[op.rows, width]`, both row-major; they must not overlap. Longer arrays
 * are accepted, their rest is ignored. A row is summed strictly in stored order, each column on its own, so its bits do
 * not depend on the range computed. O(nnz · width), no allocation that stays. Arrays outside the kernel memory are
 * copied: x once a call.
 *
 * @throws {@link ShapeError} if an array is too short; {@link OptionError} if the range is not inside [0, op.rows].
 * @example
 * const op = new SparseOperator({ rows: 1, cols: 2, indptr: Int32Array.of(0, 2), indices: Int32Array.of(0, 1) });
 * const out = new Float32Array(1);
 * spmmInto(op, Float32Array.of(3, 4), 1, out);
 * out; // => Float32Array [7]
 */
export function spmmInto(
  op: SparseOperator,
  x: Float32Array,
  width: number,
  out: Float32Array,
  { rowBegin = 0, rowEnd = op.rows, accumulate = false }: SpmmOptions = {},
): void {
  check(op, x, width, out, rowBegin, rowEnd);
  if (rowBegin === rowEnd || width === 0) return;
  const { space, kernels } = kernelSpace();
  const xPlace = placeOf(space, x);
  const outPlace = placeOf(space, out);
  const { indptr, indices, values } = op.addresses(space);
  const rowBytes = 4 * width;
  const run = (begin: number, end: number, at: number, to: number): void =>
    multiplyRows(space, kernels, {
      begin,
      end,
      entries: (op.nnz / op.rows) * (end - begin),
      matrix: { indptr, indices, values, cols: op.cols },
      x: at,
      rowBytes,
      out: to,
      accumulate: accumulate ? 1 : 0,
    });
  withInput(space, x.subarray(0, op.cols * width), xPlace, (at) => {
    if (outPlace !== undefined) return run(rowBegin, rowEnd, at, outPlace + rowBegin * rowBytes);
    const step = Math.max(1, Math.min(rowEnd - rowBegin, Math.floor(CHUNK_BYTES / rowBytes)));
    withScratch(space, step * rowBytes, (scratch) => {
      for (let begin = rowBegin; begin < rowEnd; begin += step) {
        const end = Math.min(rowEnd, begin + step);
        const rows = out.subarray(begin * width, end * width);
        if (accumulate) copyIn(space, rows, scratch);
        run(begin, end, at, scratch);
        copyOut(space, scratch, rows);
      }
    });
  });
}

/**
 * Multiplies a sparse matrix with a dense one: out = op·x, differentiable in x (dx = opᵀ·dout).
 *
 * x float32 `[op.cols, F]`, result float32 `[op.rows, F]`. Runs the SIMD kernel on every tfjs backend. Use it as well
 * for sparse features times a weight matrix. The gradient needs `op.transposed()`, built at its first use, or for what
 * {@link dropoutSparse} made, {@link spmmTransposedInto}.
 *
 * @throws {@link ShapeError} if x has another shape.
 */
export function spmm(op: SparseOperator, x: tf.Tensor2D): tf.Tensor2D {
  if (x.rank !== 2 || x.shape[0] !== op.cols) throw new ShapeError('spmm', 'x', x.shape, `[${op.cols}, F]`);
  const width = x.shape[1];
  const product = tf.customGrad((input) => ({
    value: unfilledTensor([op.rows, width], (out) => spmmInto(op, readTensor(input as tf.Tensor), width, out)),
    gradFunc: (dy: tf.Tensor) =>
      op.isPassing ? spmmTransposed(op, dy as tf.Tensor2D) : spmm(op.transposed(), dy as tf.Tensor2D),
  }));
  return product(x) as tf.Tensor2D;
}

/** opᵀ·x, differentiable in x. */
function spmmTransposed(op: SparseOperator, x: tf.Tensor2D): tf.Tensor2D {
  const width = x.shape[1];
  const product = tf.customGrad((input) => ({
    value: unfilledTensor([op.cols, width], (out) =>
      spmmTransposedInto(op, readTensor(input as tf.Tensor), width, out),
    ),
    gradFunc: (dy: tf.Tensor) => spmm(op, dy as tf.Tensor2D),
  }));
  return product(x) as tf.Tensor2D;
}

function check(
  op: SparseOperator,
  x: Float32Array,
  width: number,
  out: Float32Array,
  rowBegin: number,
  rowEnd: number,
): void {
  const where = 'spmmInto';
  if (!Number.isInteger(width) || width < 0) throw new OptionError(where, 'width', width, 'an integer ≥ 0');
  if (x.length < op.cols * width) throw new ShapeError(where, 'x', [x.length], `[${op.cols}, ${width}]`);
  if (out.length < op.rows * width) throw new ShapeError(where, 'out', [out.length], `[${op.rows}, ${width}]`);
  if (!(Number.isInteger(rowEnd) && rowEnd <= op.rows)) {
    throw new OptionError(where, 'rowEnd', rowEnd, `an integer up to ${op.rows}`);
  }
  if (!(Number.isInteger(rowBegin) && rowBegin >= 0 && rowBegin <= rowEnd)) {
    throw new OptionError(where, 'rowBegin', rowBegin, `an integer in [0, rowEnd = ${rowEnd}]`);
  }
}
