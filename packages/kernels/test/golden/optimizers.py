"""Writes optimizers.json: parameters after each step of PyTorch's Adam, AdamW and SGD, in float64 and float32.

    pip install torch==2.13.0 && python optimizers.py
"""
import json
import pathlib

import torch

STEPS, SIZE = 6, 11
torch.manual_seed(20)
start = torch.randn(SIZE, dtype=torch.float32)
grads = [(torch.randn(SIZE, dtype=torch.float32) * (10.0 ** (i % 3 - 1))) for i in range(STEPS)]
grads[2][4] = 0.0

CASES = {
    "adam": (torch.optim.Adam, dict(lr=0.01, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0)),
    "adam with L2": (torch.optim.Adam, dict(lr=0.02, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.05)),
    "adamw": (torch.optim.AdamW, dict(lr=0.02, betas=(0.9, 0.99), eps=1e-8, weight_decay=0.1)),
    "sgd": (torch.optim.SGD, dict(lr=0.1, momentum=0.0, weight_decay=0.0)),
    "sgd with momentum and L2": (torch.optim.SGD, dict(lr=0.1, momentum=0.9, weight_decay=0.03)),
}


def run(optimizer, options, dtype):
    p = torch.nn.Parameter(start.to(dtype).clone())
    opt = optimizer([p], foreach=False, **options)
    trajectory = []
    for g in grads:
        p.grad = g.to(dtype).clone()
        opt.step()
        trajectory.append(p.detach().tolist())
    return trajectory


golden = {
    "tool": f"torch {torch.__version__}",
    "command": "python optimizers.py",
    "seed": 20,
    "start": start.tolist(),
    "grads": [g.tolist() for g in grads],
    "cases": {
        name: {"options": options, "float64": run(kind, options, torch.float64), "float32": run(kind, options, torch.float32)}
        for name, (kind, options) in CASES.items()
    },
}
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(golden, indent=1) + "\n")
