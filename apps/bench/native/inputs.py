"""Inputs and timing as in src/contenders/inputs.ts and timing.ts, so that all programs do the same work."""

import json
import os
import statistics
import time

import numpy as np

THREADS = int(os.environ.get("STRATA_THREADS", "1"))


def fill(length, seed, scale=1.0):
    i = np.arange(length, dtype=np.int64)
    return ((((i * 37 + seed * 101) % 1009) / 1009 - 0.5) * scale).astype(np.float32)


def sparse(rows, nnz):
    indptr = np.arange(rows + 1, dtype=np.int64) * nnz // rows
    indices = np.arange(nnz, dtype=np.int64) * 48271 % rows
    of_row = np.repeat(np.arange(rows), np.diff(indptr))
    indices = indices[np.lexsort((indices, of_row))]
    return indptr.astype(np.int32), indices.astype(np.int32), fill(nnz, 3)


def checksum(x):
    flat = np.asarray(x, dtype=np.float64).ravel()
    return float(np.dot(np.arange(flat.size) % 7 - 3, flat))


def seconds_of(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def time_call(call):
    call()
    call()
    seconds = []
    while len(seconds) < 3 or (sum(seconds) < 0.5 and len(seconds) < 200):
        seconds.append(seconds_of(call))
    return statistics.median(seconds)


def report(value, **extra):
    print(json.dumps({"value": value, "extra": extra}))


def report_operation(value, result, expected, flops=0, size=0):
    """Checks against float64 and prints the sample."""
    scale = float(np.abs(expected).max())
    error = float(np.abs(np.asarray(result, dtype=np.float64) - expected).max()) / scale
    if not error <= 1e-4:
        raise SystemExit(f"off by {error} of the largest value")
    rate = {"GFLOP/s": flops / value / 1e9} if flops else {"GB/s": size / value / 1e9}
    report(value, **rate, error=error, checksum=checksum(result))
