"""Writes fused.json: values and gradients of PyTorch in float64 for the fused operations.

    pip install torch==2.13.0 numpy && python fused.py

Inputs come from integer arithmetic (`fill`), which the test repeats; the scalar that is differentiated is the sum of
the output times `fill(size, 99)`.
"""
import json
import pathlib

import numpy as np
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)


def fill(shape, seed, scale=4.0):
    i = np.arange(int(np.prod(shape)), dtype=np.int64)
    values = ((((i * 37 + seed * 101) % 1009) / 1009 - 0.5) * scale).astype(np.float32)
    return torch.from_numpy(values.astype(np.float64)).reshape(shape)


def digits(t):
    return [float(f"{v:.9g}") for v in t.detach().reshape(-1).tolist()]


def case(function, *inputs):
    leaves = [x.clone().requires_grad_() for x in inputs]
    y = function(*leaves)
    (y * fill(y.shape, 99)).sum().backward()
    return {"value": digits(y), "gradients": [digits(x.grad) for x in leaves]}


def attention(**options):
    return lambda q, k, v: F.scaled_dot_product_attention(q, k, v, **options)


def self_attention(heads, **options):
    def function(qkv):
        b, t, total = qkv.shape
        parts = [p.reshape(b, t, heads, -1).transpose(1, 2) for p in qkv.split(total // 3, dim=2)]
        return F.scaled_dot_product_attention(*parts, **options).transpose(1, 2).reshape(b, t, -1)

    return function


def batch_norm(relu, residual):
    def function(x, gamma, beta, *other):
        y = F.batch_norm(x, None, None, gamma, beta, training=True, eps=1e-5)
        y = y + other[0] if residual else y
        return F.relu(y) if relu else y

    return function


labels = torch.tensor([0, 4, 2, 2, 1, 3, 0])
shares = F.softmax(fill((7, 5), 31), dim=1)
seen = fill((6, 9), 41) > -1.2
seen[:, 0] = True
q, k, v = fill((2, 3, 6, 5), 1), fill((2, 3, 9, 5), 2), fill((2, 3, 9, 7), 3)
x, gamma, beta, other = fill((21, 6), 1), fill((6,), 2), fill((6,), 3), fill((21, 6), 4)

cases = {
    "layerNorm": case(lambda x, g, b: F.layer_norm(x, (13,), g, b), fill((4, 5, 13), 1), fill((13,), 2), fill((13,), 3)),
    "gelu tanh": case(lambda x: F.gelu(x, approximate="tanh"), fill((77,), 1, 12)),
    "gelu erf": case(F.gelu, fill((77,), 1, 12)),
    "crossEntropy": case(lambda x: F.cross_entropy(x, labels), fill((7, 5), 1)),
    "crossEntropy, summed": case(lambda x: F.cross_entropy(x, labels, reduction="sum"), fill((7, 5), 1)),
    "crossEntropy, each": case(lambda x: F.cross_entropy(x, labels, reduction="none"), fill((7, 5), 1)),
    "crossEntropy, smoothed": case(lambda x: F.cross_entropy(x, labels, label_smoothing=0.2), fill((7, 5), 1)),
    "crossEntropy, ignored": case(lambda x: F.cross_entropy(x, labels, ignore_index=2), fill((7, 5), 1)),
    "crossEntropy, shares": case(lambda x: F.cross_entropy(x, shares), fill((7, 5), 1)),
    "attention": case(attention(), q, k, v),
    "attention, causal": case(attention(is_causal=True), q, k, v),
    "attention, scaled": case(attention(scale=0.7), q, k, v),
    "attention, bool mask": case(attention(attn_mask=seen), q, k, v),
    "attention, float mask": case(attention(attn_mask=fill((2, 1, 6, 9), 5)), q, k, v),
    "attention, mask of keys": case(attention(attn_mask=fill((2, 1, 1, 9), 5)), q, k, v),
    "selfAttention, causal": case(self_attention(2, is_causal=True), fill((3, 5, 24), 1)),
    "selfAttention": case(self_attention(4), fill((2, 7, 36), 1)),
    "batchNorm": case(batch_norm(False, False), x, gamma, beta),
    "batchNorm, relu": case(batch_norm(True, False), x, gamma, beta),
    "batchNorm, residual": case(batch_norm(False, True), x, gamma, beta, other),
    "batchNorm, residual, relu": case(batch_norm(True, True), x, gamma, beta, other),
}
for name, function in {
    "linear": lambda z: z,
    "relu": F.relu,
    "gelu": lambda z: F.gelu(z, approximate="tanh"),
    "gelu-erf": F.gelu,
}.items():
    cases[f"linear, {name}"] = case(
        lambda x, w, b: function(x @ w + b), fill((3, 23, 5), 1), fill((5, 19), 2), fill((19,), 3)
    )

average = {"mean": fill((6,), 7), "variance": fill((6,), 8) + 3}
moved = {name: t.clone() for name, t in average.items()}
F.batch_norm(x, moved["mean"], moved["variance"], gamma, beta, training=True, momentum=0.3)

OPTIMIZERS = {
    "adam": (torch.optim.Adam, dict(lr=0.01)),
    "adam with decay": (torch.optim.Adam, dict(lr=0.02, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.05)),
    "adamw": (torch.optim.AdamW, dict(lr=0.02)),
    "sgd": (torch.optim.SGD, dict(lr=0.1)),
    "sgd with momentum": (torch.optim.SGD, dict(lr=0.1, momentum=0.9, weight_decay=0.03)),
}


def train(kind, options):
    """Six steps on Σ (x·w − y)² / 8 + Σ b² · 0.1."""
    w, b = fill((5, 3), 1).requires_grad_(), fill((3,), 2).requires_grad_()
    x, y = fill((8, 5), 3), fill((8, 3), 4)
    optimizer = kind([w, b], foreach=False, **options)
    for _ in range(6):
        optimizer.zero_grad()
        (((x @ w - y) ** 2).sum() / 8 + (b**2).sum() * 0.1).backward()
        optimizer.step()
    return digits(w) + digits(b)


golden = {
    "tool": f"torch {torch.__version__}",
    "command": "python fused.py",
    "cases": cases,
    "running": {name: digits(t) for name, t in moved.items()},
    "optimizers": {name: train(kind, options) for name, (kind, options) in OPTIMIZERS.items()},
}
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(golden) + "\n")
