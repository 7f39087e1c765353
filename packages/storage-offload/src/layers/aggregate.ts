/** The sum over in-neighbours of one partition, differentiable without transposing anything at run time. */
import { readTensor, SparseOperator, spmmInto, spmmTransposedInto, unfilledTensor } from '@strata-ml/kernels';
import type { Normaliser } from '@strata-ml/models';
import * as tf from '@tensorflow/tfjs-core';
import type { BipartiteCsr } from '../store/BipartiteCsr.js';

const asInt32 = (array: Uint32Array): Int32Array => new Int32Array(array.buffer, array.byteOffset, array.length);

/** Prepared sums of one partition; they read the arrays of `csr` until {@link Aggregator.dispose}. */
export class Aggregator {
  readonly #csr: BipartiteCsr;
  readonly #operators = new Map<Normaliser, SparseOperator>();

  constructor(csr: BipartiteCsr) {
    this.#csr = csr;
  }

  /** Σ_u weight(u, v)·h_u for each v of the partition: float32 `[e_p, F]` to `[n_p, F]`. */
  aggregate(h: tf.Tensor2D, norm: Normaliser): tf.Tensor2D {
    const op = this.#operator(norm);
    const width = h.shape[1];
    return tf.customGrad((input) => ({
      value: unfilledTensor([op.rows, width], (out) => spmmInto(op, readTensor(input as tf.Tensor), width, out)),
      // Adds rows in ascending order of the destinations: the sums of a product with the transpose, without having it.
      gradFunc: (dy: tf.Tensor) =>
        unfilledTensor([op.cols, width], (out) => spmmTransposedInto(op, readTensor(dy), width, out)),
    }))(h) as tf.Tensor2D;
  }

  dispose(): void {
    for (const operator of this.#operators.values()) operator.dispose();
    this.#operators.clear();
  }

  #operator(norm: Normaliser): SparseOperator {
    let operator = this.#operators.get(norm);
    if (!operator) {
      const { rows, columns, rowPointers, columnIndices, weights } = this.#csr;
      // The trainer refuses a store without weights for networks that need them.
      const values = norm === 'mean' ? meanWeights(rowPointers, columnIndices.length) : weights!;
      const indptr = asInt32(rowPointers);
      operator = new SparseOperator({ rows, cols: columns, indptr, indices: asInt32(columnIndices), values });
      this.#operators.set(norm, operator);
    }
    return operator;
  }
}

/** 1 / inDegree of each edge's destination: every in-neighbour of a row is in the row. */
export function meanWeights(rowPointers: Uint32Array, edges: number): Float32Array {
  const values = new Float32Array(edges);
  for (let row = 0; row + 1 < rowPointers.length; row++) {
    const [begin, end] = [rowPointers[row]!, rowPointers[row + 1]!];
    values.fill(1 / (end - begin), begin, end);
  }
  return values;
}
