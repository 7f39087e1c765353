"""spmm_scipy.py: the sparse product of src/contenders/ops.ts in scipy."""

import numpy as np
from inputs import fill, report_operation, sparse, time_call
from scipy.sparse import csr_matrix

rows, nnz, width = 169_343, 2_300_000, 128
indptr, indices, values = sparse(rows, nnz)
matrix = csr_matrix((values, indices, indptr), (rows, rows))
x = fill(rows * width, 1).reshape(rows, width)
seconds = time_call(lambda: matrix @ x)
expected = matrix.astype(np.float64) @ x.astype(np.float64)
report_operation(seconds, matrix @ x, expected, flops=2 * nnz * width)
