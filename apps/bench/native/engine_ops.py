"""engine_ops.py SPECS: the operations of src/operations in PyTorch. SPECS is a JSON array of `OperationSpec`."""

import warnings

import torch
import torch.nn.functional as F
from inputs import THREADS, checked, fill, graph_matrix, report_items, seconds_of, time_call, uniform_matrix

torch.set_num_threads(THREADS)
warnings.filterwarnings("ignore")
# As in src/operations/spec.ts.
ROWS, COLS = 2048, 1024
IMAGES = (16, 32, 32, 64)
TABLE, MOVED, WIDTH = 20_000, 50_000, 128
UNIFORM = 169_343, 2_300_000
KEPT, EXPONENT, EPSILON = 10, 1.7, 1e-5
LONG, BUDGET = 0.4, 0.15  # as in src/contenders/engineOps.ts


def tensor(shape, seed, scale=1.0, shift=0.0):
    return torch.from_numpy(fill(torch.Size(shape).numel(), seed, scale)).reshape(shape) + shift


def matrix():
    return tensor((ROWS, COLS), 1)


def image(shape, seed):
    """NHWC as in tfjs: to PyTorch NCHW in channels-last memory."""
    return tensor(shape, seed).permute(0, 3, 1, 2)


def nhwc(x):
    return x.permute(0, 2, 3, 1)


def mat_mul(s):
    rows, cols = ("k", "m") if s["transposeA"] else ("m", "k")
    a = tensor((s["batch"], s[rows], s[cols]), 1)
    rows, cols = ("n", "k") if s["transposeB"] else ("k", "n")
    b = tensor((s["batch"], s[rows], s[cols]), 2)
    a, b = (a, b) if s["batch"] > 1 else (a[0], b[0])

    def call(x, y):
        return (x.mT if s["transposeA"] else x) @ (y.mT if s["transposeB"] else y)

    return call, (a, b)


def convolution(s):
    size, stride, taps, channels = s["size"], s["stride"], s["filter"], s["channels"]
    out = -(-size // stride)
    missing = max(0, (out - 1) * stride + taps - size)
    depthwise = s["op"] == "depthwise"
    groups = channels if depthwise else 1
    x = image((s["batch"], size, size, channels), 1)
    w = tensor((taps, taps, channels, 1 if depthwise else s["outChannels"]), 2)
    # [height, width, in, out] to [out, in / groups, height, width]
    w = (w.permute(2, 3, 0, 1) if depthwise else w.permute(3, 2, 0, 1)).contiguous(memory_format=torch.channels_last)
    dy = image((s["batch"], out, out, s["outChannels"]), 3)
    # tfjs's "same" pads the end more where the padding is odd; PyTorch pads both sides alike, so the image is padded
    # first, outside the measured call, and a gradient by the image is that of the padded one.
    pad = missing // 2
    if missing % 2:
        x, pad = F.pad(x, (pad, missing - pad, pad, missing - pad)).contiguous(memory_format=torch.channels_last), 0

    def backward(dy, x, w, mask):
        two = [stride, stride]
        return torch.ops.aten.convolution_backward(
            dy, x, w, None, two, [pad, pad], [1, 1], False, [0, 0], groups, mask
        )

    if s["of"] == "output":
        return (lambda x, w: F.conv2d(x, w, stride=stride, padding=pad, groups=groups)), (x, w), nhwc
    if s["of"] == "input":
        return (lambda dy, w: backward(dy, x.to(w.dtype), w, [True, False, False])[0]), (dy, w), lambda y: nhwc(y)[:, :size, :size]
    transpose = (2, 3, 0, 1) if depthwise else (2, 3, 1, 0)
    return (lambda x, dy: backward(dy, x, w.to(x.dtype), [False, True, False])[1]), (x, dy), lambda y: y.permute(transpose)


FUNCTIONS = {
    "exp": torch.exp,
    "log": torch.log,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "erf": torch.erf,
    "gelu": F.gelu,
    "pow": lambda x: torch.pow(x, EXPONENT),
    "cast": lambda x: x.to(torch.int32),
}


def unary(s):
    return FUNCTIONS[s["name"]], (tensor((ROWS, COLS), 1, 200 if s["name"] == "cast" else 1, s["shift"]),)


def reduce(s):
    axis = None if s["axis"] < 0 else s["axis"]
    functions = {
        "sum": lambda x: x.sum(axis),
        "max": lambda x: x.max() if axis is None else x.amax(axis),
        "argMax": lambda x: x.argmax(axis),
    }
    return functions[s["name"]], (matrix(),)


def layer_norm(_):
    parameters = tensor((COLS,), 2, shift=1), tensor((COLS,), 3)
    return (lambda x, g, b: F.layer_norm(x, (COLS,), g, b, EPSILON)), (matrix(), *parameters)


def batch_norm(_):
    channels = IMAGES[3]
    moments = (tensor((channels,), 2), tensor((channels,), 3, shift=1), tensor((channels,), 5), tensor((channels,), 4))
    return (lambda x, m, v, g, b: F.batch_norm(x, m, v, g, b, False, 0.0, EPSILON)), (image(IMAGES, 1), *moments), nhwc


def concat(s):
    return (lambda x, y: torch.cat([x, y], s["axes"][0])), (tensor(s["shape"], 1), tensor(s["shape"], 2))


def segment_sum(_):
    ids = torch.arange(MOVED, dtype=torch.int64) * 7919 % TABLE
    return (lambda x: torch.zeros(TABLE, WIDTH, dtype=x.dtype).index_add_(0, ids, x)), (tensor((MOVED, WIDTH), 1),)


def gather(_):
    ids = torch.arange(MOVED, dtype=torch.int64) * 7919 % TABLE
    return (lambda x: torch.index_select(x, 0, ids)), (tensor((TABLE, WIDTH), 1),)


def spmm(s):
    indptr, indices, values = graph_matrix(s["folder"]) if "folder" in s else uniform_matrix(*UNIFORM)
    rows = len(indptr) - 1
    indptr, indices, values = (torch.from_numpy(part) for part in (indptr, indices, values))

    def matrix_of(dtype):
        return torch.sparse_csr_tensor(indptr, indices, values.to(dtype), (rows, rows))

    of = {dtype: matrix_of(dtype) for dtype in (torch.float32, torch.float64)}
    return (lambda x: of[x.dtype] @ x), (tensor((rows, s["width"]), 1),)


OPERATIONS = {
    "matMul": mat_mul,
    "conv2d": convolution,
    "depthwise": convolution,
    "unary": unary,
    "add": lambda s: (torch.add, (matrix(), tensor(s["other"], 2))),
    "reduce": reduce,
    "softmax": lambda _: ((lambda x: torch.softmax(x, 1)), (matrix(),)),
    "layerNorm": layer_norm,
    "batchNorm": batch_norm,
    "topk": lambda _: ((lambda x: torch.topk(x, KEPT, 1)[0]), (matrix(),)),
    "maxPool": lambda _: ((lambda x: F.max_pool2d(x, 2)), (image(IMAGES, 1),), nhwc),
    "transpose": lambda s: ((lambda x: x.permute(s["axes"]).contiguous()), (tensor(s["shape"], 1),)),
    "concat": concat,
    "gather": gather,
    "unsortedSegmentSum": segment_sum,
    "spmm": spmm,
}


def measure(spec):
    call, inputs, *layout = OPERATIONS[spec["op"]](spec)
    seconds = seconds_of(lambda: call(*inputs))
    if seconds <= LONG:
        seconds = time_call(lambda: call(*inputs), BUDGET)
    outputs = call(*inputs), call(*(x.double() for x in inputs))
    result, expected = ((layout[0](y) if layout else y).contiguous().numpy() for y in outputs)
    return checked(seconds, result, expected)


with torch.inference_mode():
    report_items(measure)
