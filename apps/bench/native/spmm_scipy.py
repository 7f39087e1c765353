"""spmm_scipy.py SPECS: the sparse products of src/operations/sparse.ts in scipy."""

import numpy as np
from inputs import checked, fill, graph_matrix, report_items, time_call, uniform_matrix
from scipy.sparse import csr_matrix

UNIFORM = 169_343, 2_300_000


def measure(spec):
    indptr, indices, values = graph_matrix(spec["folder"]) if "folder" in spec else uniform_matrix(*UNIFORM)
    rows = len(indptr) - 1
    matrix = csr_matrix((values, indices, indptr), (rows, rows))
    x = fill(rows * spec["width"], 1).reshape(rows, spec["width"])
    seconds = time_call(lambda: matrix @ x, 0.15)
    return checked(seconds, matrix @ x, matrix.astype(np.float64) @ x.astype(np.float64))


report_items(measure)
