/** The greatest neighbour per column, and which one it was: max aggregation of graph networks. */
import * as tf from '@tensorflow/tfjs-core';
import { OptionError, ShapeError } from './errors.js';
import { kernelSpace } from './kernelMemory.js';
import type { SparseOperator } from './SparseOperator.js';
import { withArrays } from './staging.js';
import { readTensor, tensorFrom, unfilledTensor } from './tensors.js';

/**
 * out[r, c] = max over entries e of row r of values[e] · x[indices[e], c]; argmax[r, c] is the first such e.
 *
 * x float32 `[op.cols, width]`, out float32 and argmax int32 `[op.rows, width]`, none overlapping. A NaN wins, the first
 * one. Rows without entries become 0, with argmax −1. O(nnz · width).
 *
 * @throws {@link ShapeError} if the lengths do not fit; {@link OptionError} if `width` is no integer ≥ 1.
 */
export function spmmMaxInto(
  op: SparseOperator,
  x: Float32Array,
  width: number,
  out: Float32Array,
  argmax: Int32Array,
): void {
  const where = 'spmmMaxInto';
  checkWidth(where, width);
  if (x.length !== op.cols * width) throw new ShapeError(where, 'x', [x.length], `[${op.cols}, ${width}]`);
  for (const [name, array] of Object.entries({ out, argmax })) {
    if (array.length !== op.rows * width) throw new ShapeError(where, name, [array.length], `[${op.rows}, ${width}]`);
  }
  if (out.length === 0) return;
  const { space, kernels } = kernelSpace();
  op.addresses(space); // May grow the memory, so before the arrays find their places.
  withArrays(space, [x], [out, argmax], (from, to, arg) => {
    const { indptr, indices, values } = op.addresses(space);
    kernels.spmmMax(op.rows, indptr, indices, values, from!, 4 * width, to!, arg!);
  });
}

/**
 * Gradient of {@link spmmMaxInto} in x: dx[indices[e], c] = Σ values[e] · dy[r, c] over the (r, c) with argmax[r, c] = e,
 * in ascending order of r.
 *
 * dy float32 and argmax int32 `[op.rows, width]`, dx float32 `[op.cols, width]`, overwritten. O((rows + cols) · width).
 *
 * @throws {@link ShapeError} if the lengths do not fit; {@link OptionError} if `width` is no integer ≥ 1.
 */
export function spmmMaxGradientInto(
  op: SparseOperator,
  dy: Float32Array,
  width: number,
  argmax: Int32Array,
  dx: Float32Array,
): void {
  const where = 'spmmMaxGradientInto';
  checkWidth(where, width);
  for (const [name, array] of Object.entries({ dy, argmax })) {
    if (array.length !== op.rows * width) throw new ShapeError(where, name, [array.length], `[${op.rows}, ${width}]`);
  }
  if (dx.length !== op.cols * width) throw new ShapeError(where, 'dx', [dx.length], `[${op.cols}, ${width}]`);
  const { indices, values } = op.csr;
  dx.fill(0);
  for (let i = 0, c = 0; i < dy.length; i++, c = c + 1 === width ? 0 : c + 1) {
    const e = argmax[i]!;
    if (e >= 0) dx[indices[e]! * width + c]! += values ? values[e]! * dy[i]! : dy[i]!;
  }
}

/**
 * Max aggregation of tensors, differentiable in x: the gradient goes to the first entry that reaches the maximum.
 *
 * x float32 `[op.cols, F]`, result float32 `[op.rows, F]`; keeps int32 `[op.rows, F]` for the gradient, which is itself
 * not differentiable. Runs the SIMD kernel on every tfjs backend.
 *
 * @throws {@link ShapeError} if x has another shape.
 */
export function spmmMax(op: SparseOperator, x: tf.Tensor2D): tf.Tensor2D {
  if (x.rank !== 2 || x.shape[0] !== op.cols) throw new ShapeError('spmmMax', 'x', x.shape, `[${op.cols}, F]`);
  const width = x.shape[1];
  const aggregate = tf.customGrad((input) => {
    const argmax = new Int32Array(op.rows * width);
    return {
      value: unfilledTensor([op.rows, width], (out) =>
        spmmMaxInto(op, readTensor(input as tf.Tensor), width, out, argmax),
      ),
      gradFunc: (dy: tf.Tensor) =>
        tensorFrom([op.cols, width], (dx) => spmmMaxGradientInto(op, readTensor(dy), width, argmax, dx)),
    };
  });
  return aggregate(x) as tf.Tensor2D;
}

function checkWidth(where: string, width: number): void {
  if (!Number.isInteger(width) || width < 1) throw new OptionError(where, 'width', width, 'an integer ≥ 1');
}
