/** Values per edge of a CSR structure: what attention over neighbours is made of. */
import * as tf from '@tensorflow/tfjs-core';
import { checkRowPointers } from './csr.js';
import { OptionError, ShapeError } from './errors.js';
import { kernelSpace } from './kernelMemory.js';
import type { SparseOperator } from './SparseOperator.js';
import { withArrays } from './staging.js';
import { readTensor, tensorFrom } from './tensors.js';

/**
 * Softmax of edge scores over each row, per head: out[e, k] = exp(scores[e, k]) / Σ exp(scores[·, k]) over the row of e.
 *
 * indptr int32 `[rows + 1]`, scores and out float32 `[indptr[rows], heads]`; they may be the same array. The greatest
 * score of a row is subtracted first, so nothing overflows. A NaN makes its row and head NaN. O(edges · heads).
 *
 * @throws {@link ShapeError} if the lengths do not fit; {@link OptionError} if `heads` or `indptr` is wrong.
 * @example
 * const alpha = new Float32Array(3);
 * edgeSoftmaxInto(Int32Array.of(0, 2, 3), Float32Array.of(1, 1, 9), 1, alpha);
 * alpha; // => Float32Array [0.5, 0.5, 1]
 */
export function edgeSoftmaxInto(indptr: Int32Array, scores: Float32Array, heads: number, out: Float32Array): void {
  const where = 'edgeSoftmaxInto';
  checkEdges(where, indptr, heads, { scores, out });
  if (out.length === 0) return;
  const { space, kernels } = kernelSpace();
  withArrays(space, [indptr, scores], [out], (pointers, from, to) =>
    kernels.edgeSoftmax(indptr.length - 1, pointers!, from!, heads, to!),
  );
}

/**
 * Gradient of {@link edgeSoftmaxInto} in the scores: out = alpha · (dAlpha − Σ alpha · dAlpha over the row), per head.
 *
 * alpha (the softmax), dAlpha and out float32 `[edges, heads]`; out may be one of the others. O(edges · heads).
 *
 * @throws {@link ShapeError} and {@link OptionError} as {@link edgeSoftmaxInto}.
 */
export function edgeSoftmaxGradientInto(
  indptr: Int32Array,
  alpha: Float32Array,
  dAlpha: Float32Array,
  heads: number,
  out: Float32Array,
): void {
  const where = 'edgeSoftmaxGradientInto';
  checkEdges(where, indptr, heads, { alpha, dAlpha, out });
  if (out.length === 0) return;
  const { space, kernels } = kernelSpace();
  withArrays(space, [indptr, alpha, dAlpha], [out], (pointers, a, d, to) =>
    kernels.edgeSoftmaxGradient(indptr.length - 1, pointers!, a!, d!, heads, to!),
  );
}

/**
 * Softmax of edge scores over each row of a CSR structure, differentiable in the scores.
 *
 * scores and result float32 `[edges, heads]`. The gradient is itself not differentiable. Runs on every tfjs backend.
 *
 * @throws {@link ShapeError} and {@link OptionError} as {@link edgeSoftmaxInto}.
 */
export function edgeSoftmax(indptr: Int32Array, scores: tf.Tensor2D): tf.Tensor2D {
  const [edges, heads] = scores.shape;
  const softmax = tf.customGrad((...args) => {
    const [input, save] = args as unknown as [tf.Tensor2D, tf.GradSaveFunc];
    const value = tensorFrom([edges, heads], (out) => edgeSoftmaxInto(indptr, readTensor(input), heads, out));
    save([value]);
    return {
      value,
      gradFunc: (dy: tf.Tensor, [alpha]: tf.Tensor[]) =>
        tensorFrom([edges, heads], (out) =>
          edgeSoftmaxGradientInto(indptr, readTensor(alpha!), readTensor(dy), heads, out),
        ),
    };
  });
  return softmax(scores) as tf.Tensor2D;
}

/**
 * Sampled dense-dense product: out[e, k] = a[row(e), k, :] · b[indices[e], k, :] for every stored entry of `op`, whose
 * values play no part. Its use: scores of edges, and the gradient of {@link spmm} in the values.
 *
 * a float32 `[op.rows, heads · width]`, b float32 `[op.cols, heads · width]`, out float32 `[op.nnz, heads]`, not
 * overlapping. O(nnz · heads · width).
 *
 * @throws {@link ShapeError} if the lengths do not fit; {@link OptionError} if `width` or `heads` is no integer ≥ 1.
 */
export function sddmmInto(
  op: SparseOperator,
  a: Float32Array,
  b: Float32Array,
  width: number,
  out: Float32Array,
  heads = 1,
): void {
  const where = 'sddmmInto';
  for (const [name, n] of Object.entries({ width, heads })) {
    if (!Number.isInteger(n) || n < 1) throw new OptionError(where, name, n, 'an integer ≥ 1');
  }
  const columns = heads * width;
  if (a.length !== op.rows * columns) throw new ShapeError(where, 'a', [a.length], `[${op.rows}, ${columns}]`);
  if (b.length !== op.cols * columns) throw new ShapeError(where, 'b', [b.length], `[${op.cols}, ${columns}]`);
  if (out.length !== op.nnz * heads) throw new ShapeError(where, 'out', [out.length], `[${op.nnz}, ${heads}]`);
  if (out.length === 0) return;
  const { space, kernels } = kernelSpace();
  op.addresses(space); // May grow the memory, so before the arrays find their places.
  withArrays(space, [a, b], [out], (left, right, to) => {
    const { indptr, indices } = op.addresses(space);
    kernels.sddmm(op.rows, indptr, indices, left!, right!, heads, width, to!);
  });
}

function checkEdges(
  where: string,
  indptr: Int32Array,
  heads: number,
  arrays: Readonly<Record<string, Float32Array>>,
): void {
  if (!Number.isInteger(heads) || heads < 1) throw new OptionError(where, 'heads', heads, 'an integer ≥ 1');
  const edges = indptr[indptr.length - 1] ?? 0;
  checkRowPointers(where, indptr, edges);
  for (const [name, array] of Object.entries(arrays)) {
    if (array.length !== edges * heads) throw new ShapeError(where, name, [array.length], `[${edges}, ${heads}]`);
  }
}
