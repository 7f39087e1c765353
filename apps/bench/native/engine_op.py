"""engine_op.py OPERATION: the operations of src/contenders/ops.ts in PyTorch."""

import sys
import warnings

import torch
from inputs import THREADS, fill, report_operation, sparse, time_call

torch.set_num_threads(THREADS)
warnings.filterwarnings("ignore")
name = sys.argv[1]
ROWS, COLS = 2048, 1024
N, H, C = 16, 32, 64
CONV_FLOPS = 2 * N * H * H * 9 * C * C


def tensor(shape, seed):
    return torch.from_numpy(fill(torch.Size(shape).numel(), seed)).reshape(shape)


def matmul(transpose_a, transpose_b):
    m, k, n = 2048, 512, 512
    a = tensor((k, m) if transpose_a else (m, k), 1)
    b = tensor((n, k) if transpose_b else (k, n), 2)
    return (lambda x, y: (x.T if transpose_a else x) @ (y.T if transpose_b else y)), (a, b), {"flops": 2 * m * k * n}


def matrix(call, size):
    return call, (tensor((ROWS, COLS), 1),), {"size": size}


def image(seed):
    """NHWC as in tfjs: to PyTorch NCHW in channels-last memory."""
    return tensor((N, H, H, C), seed).permute(0, 3, 1, 2)


def filters():
    return tensor((3, 3, C, C), 2).permute(3, 2, 0, 1).contiguous(memory_format=torch.channels_last)


def backward(x, w, dy, mask):
    one = [1, 1]
    return torch.ops.aten.convolution_backward(dy, x, w, None, one, one, one, False, [0, 0], 1, mask)


def gather():
    rows = torch.arange(50_000, dtype=torch.int64) * 7919 % 20_000
    return (lambda x: torch.index_select(x, 0, rows)), (tensor((20_000, 128), 1),), {"size": 8 * 50_000 * 128}


def spmm():
    rows, nnz, width = 169_343, 2_300_000, 128
    indptr, indices, values = (torch.from_numpy(part) for part in sparse(rows, nnz))

    def matrix_of(dtype):
        return torch.sparse_csr_tensor(indptr, indices, values.to(dtype), (rows, rows))

    of = {dtype: matrix_of(dtype) for dtype in (torch.float32, torch.float64)}
    return (lambda x: of[x.dtype] @ x), (tensor((rows, width), 1),), {"flops": 2 * nnz * width}


every = 8 * ROWS * COLS
operations = {
    "matMul-NN": lambda: matmul(False, False),
    "matMul-NT": lambda: matmul(False, True),
    "matMul-TN": lambda: matmul(True, False),
    "matMul-batched": lambda: (
        torch.bmm,
        (tensor((8, 256, 64), 1), tensor((8, 64, 256), 2)),
        {"flops": 2 * 8 * 256 * 64 * 256},
    ),
    "exp": lambda: matrix(torch.exp, every),
    "tanh": lambda: matrix(torch.tanh, every),
    "add": lambda: (torch.add, (tensor((ROWS, COLS), 1), tensor((ROWS, COLS), 2)), {"size": 12 * ROWS * COLS}),
    "sum-axis0": lambda: matrix(lambda x: x.sum(0), 4 * (ROWS * COLS + COLS)),
    "sum-axis1": lambda: matrix(lambda x: x.sum(1), 4 * (ROWS * COLS + ROWS)),
    "softmax": lambda: matrix(lambda x: torch.softmax(x, 1), every),
    "transpose": lambda: matrix(lambda x: x.T.contiguous(), every),
    "gather": gather,
    "conv2d": lambda: (
        lambda x, w: torch.nn.functional.conv2d(x, w, padding=1),
        (image(1), filters()),
        {"flops": CONV_FLOPS},
    ),
    "conv2d-input": lambda: (
        lambda dy, w: backward(torch.empty_like(dy), w, dy, [True, False, False])[0],
        (image(1), filters()),
        {"flops": CONV_FLOPS},
    ),
    "conv2d-filter": lambda: (
        lambda x, dy: backward(x, torch.empty_like(filters_like).to(x.dtype), dy, [False, True, False])[1],
        (image(1), image(3)),
        {"flops": CONV_FLOPS},
    ),
    "spmm": spmm,
}

filters_like = filters()
with torch.inference_mode():
    call, inputs, work = operations[name]()
    seconds = time_call(lambda: call(*inputs))
    result, expected = call(*inputs), call(*(x.double() for x in inputs))
    if name in ("conv2d", "conv2d-input"):
        result, expected = (y.permute(0, 2, 3, 1) for y in (result, expected))
    if name == "conv2d-filter":
        result, expected = (y.permute(2, 3, 1, 0) for y in (result, expected))
report_operation(seconds, result.contiguous().numpy(), expected.contiguous().numpy(), **work)
