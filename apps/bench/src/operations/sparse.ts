/** Products of a sparse matrix in CSR with a dense one. */
import { SparseOperator, spmm } from '@strata-ml/kernels';
import * as tf from '@tensorflow/tfjs-core';
import { fill, graphMatrix, uniformMatrix } from '../contenders/inputs.js';
import { type Operation, total } from './Operation.js';
import { type SparseSpec, UNIFORM } from './spec.js';

export function sparseProduct({ folder, width }: SparseSpec): Operation {
  const csr = folder === undefined ? uniformMatrix(UNIFORM.rows, UNIFORM.nnz) : graphMatrix(folder);
  const x = fill(csr.rows * width, 1);
  const [op, a] = [new SparseOperator(csr), tf.tensor2d(x, [csr.rows, width])];
  return {
    run: () => spmm(op, a),
    element(i) {
      const [row, col] = [Math.floor(i / width), i % width];
      const begin = csr.indptr[row]!;
      return total(
        csr.indptr[row + 1]! - begin,
        (e) => csr.values[begin + e]! * x[csr.indices[begin + e]! * width + col]!,
      );
    },
  };
}
