"""Writes classifiers.json: a perceptron and a small CNN of PyTorch in float64, logits, loss and every gradient.

    python classifiers.py > classifiers.json

Weights are given in tfjs layouts: matrices [in, out], filters [height, width, in, out], images [batch, height, width, channels].
"""

import json
import sys

import torch
from torch import nn

torch.set_default_dtype(torch.float64)


def fill(shape, seed):
    """Numbers that no symmetry hides; float32 holds them exactly."""
    at = torch.arange(torch.Size(shape).numel(), dtype=torch.float64)
    return (0.5 * torch.sin(at * 1.7 + seed * 2.3) + 0.2 * torch.cos(at * 0.31 * seed)).float().double().reshape(shape)


class Flatten(nn.Module):
    """Row by row with the channels last, as tfjs lays images out."""

    def forward(self, x):
        return x.permute(0, 2, 3, 1).flatten(1)


def layouts(values):
    return values.permute(2, 3, 1, 0) if values.dim() == 4 else values.T if values.dim() == 2 else values


def tensor(values):
    return {"shape": list(values.shape), "data": [float(f"{v:.9g}") for v in values.detach().reshape(-1).tolist()]}


def case(model, x):
    with torch.no_grad():
        for seed, parameter in enumerate(model.parameters(), 1):
            parameter.copy_(fill(parameter.shape, seed))
    layers = [module for module in model if any(True for _ in module.parameters())]
    targets = torch.arange(len(x)) * 2 % 3
    logits = model(x.permute(0, 3, 1, 2) if x.dim() == 4 else x)
    loss = nn.functional.cross_entropy(logits, targets)
    loss.backward()
    named = {f"layers.{i}.{name}": p for i, layer in enumerate(layers) for name, p in layer.named_parameters()}
    return {
        "x": tensor(x), "targets": targets.tolist(), "logits": tensor(logits), "loss": loss.item(),
        "weights": {name: tensor(layouts(p)) for name, p in named.items()},
        "gradients": {name: tensor(layouts(p.grad)) for name, p in named.items()},
    }


mlp = nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 6), nn.ReLU(), nn.Linear(6, 3))
cnn = nn.Sequential(
    nn.Conv2d(2, 3, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    Flatten(), nn.Linear(2 * 1 * 4, 3),
)
json.dump(
    {
        "tool": f"torch {torch.__version__}", "command": "python classifiers.py",
        "mlp": case(mlp, fill((4, 5), 31)), "cnn": case(cnn, fill((2, 9, 6, 2), 32)),
    },
    sys.stdout, separators=(",", ":"),
)
