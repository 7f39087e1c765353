"""Inputs and timing as in src/contenders/inputs.ts and timing.ts, so that all programs do the same work."""

import gzip
import json
import os
import statistics
import sys
import time
from pathlib import Path

import numpy as np

THREADS = int(os.environ.get("STRATA_THREADS", "1"))


def fill(length, seed, scale=1.0):
    i = np.arange(length, dtype=np.int64)
    return ((((i * 37 + seed * 101) % 1009) / 1009 - 0.5) * scale).astype(np.float32)


def uniform_matrix(rows, nnz):
    indptr = np.arange(rows + 1, dtype=np.int64) * nnz // rows
    indices = np.arange(nnz, dtype=np.int64) * 48271 % rows
    of_row = np.repeat(np.arange(rows), np.diff(indptr))
    indices = indices[np.lexsort((indices, of_row))]
    return indptr.astype(np.int32), indices.astype(np.int32), fill(nnz, 3)


def graph_matrix(folder):
    """The symmetric matrix of a graph's edges."""
    rows = json.loads((Path(folder) / "meta.json").read_text())["num_nodes"]
    edges = np.frombuffer(gzip.decompress((Path(folder) / "edges.i32.gz").read_bytes()), "<i4").reshape(-1, 2)
    source, target = np.concatenate([edges, edges[:, ::-1]]).T
    order = np.lexsort((target, source))
    indptr = np.concatenate([[0], np.cumsum(np.bincount(source, minlength=rows))])
    return indptr.astype(np.int32), target[order].astype(np.int32), fill(len(target), 3)


def checksum(x):
    flat = np.asarray(x, dtype=np.float64).ravel()
    return float(np.dot(np.arange(flat.size) % 7 - 3, flat))


def seconds_of(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def time_call(call, budget=0.5):
    call()
    call()
    seconds = []
    while len(seconds) < 3 or (sum(seconds) < budget and len(seconds) < 200):
        seconds.append(seconds_of(call))
    return statistics.median(seconds)


def report(value, **extra):
    print(json.dumps({"value": value, "extra": extra}))


def report_items(measure):
    """Prints a line for each item of the last argument: its sample, or why there is none."""
    for item, spec in enumerate(json.loads(sys.argv[-1])):
        try:
            line = {"item": item, **measure(spec)}
        except Exception as error:  # one operation that fails must not hide the others
            line = {"item": item, "missing": str(error) or type(error).__name__}
        print(json.dumps(line), flush=True)


def checked(value, result, expected):
    """A sample, once the whole result has been held to float64."""
    scale = float(np.abs(expected).max())
    error = float(np.abs(np.asarray(result, dtype=np.float64) - expected).max()) / scale
    if not error <= 1e-4:
        raise ValueError(f"wrong result: off by {error} of the largest value")
    return {"value": value, "extra": {"error": error, "checksum": checksum(result)}}
