"""Writes gnn.json: forward values and gradients of every model by plain PyTorch operations in float64.

Shares no code with the package: dense adjacency matrices, torch.nn.functional, autograd. Weights are [in, out].
Run: python gnn.py  (torch==2.13.0)
"""
import json
import os

import torch
import torch.nn.functional as F

torch.manual_seed(20240607)
torch.set_default_dtype(torch.float64)

N, F0, H, C = 12, 5, 6, 3
# Vertex 0 is a hub; 11 has its self-loop only; 8-9-10 are a triangle apart from the rest.
EDGES = [(0, v) for v in range(1, 8)] + [(1, 2), (3, 4), (5, 6), (6, 7), (8, 9), (9, 10), (8, 10)]
LABELS = [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2]
ROWS = [0, 2, 5, 8, 11]

adjacency = torch.eye(N)
for u, v in EDGES:
    adjacency[u, v] = adjacency[v, u] = 1
degree = adjacency.sum(1)
MEAN = adjacency / degree[:, None]
GCN = adjacency / torch.sqrt(degree[:, None] * degree[None, :])
x = torch.randn(N, F0) * (torch.rand(N, F0) < 0.6)


class Params:
    def __init__(self):
        self.values = {}

    def __call__(self, name, *shape, around=0.0):
        # Rounded to float32 so that both sides start from the same numbers.
        value = (around + 0.5 * torch.randn(*shape)).float().double().requires_grad_()
        self.values[name] = value
        return value


def norm(p, kind, name, h, width):
    """Returns the normalised rows and, for batch, what the running statistics become."""
    if kind == "none":
        return h, {}
    weight, bias = p(f"{name}.weight", width, around=1.0), p(f"{name}.bias", width)
    return normalise(kind, name, h, weight, bias)


def normalise(kind, name, h, weight, bias, running=None):
    if kind == "layer":
        return F.layer_norm(h, [h.shape[1]], weight, bias, eps=1e-5), {}
    mean, var = running if running else (torch.zeros(h.shape[1]), torch.ones(h.shape[1]))
    mean, var = mean.clone(), var.clone()
    out = F.batch_norm(h, mean, var, weight, bias, training=True, momentum=0.1, eps=1e-5)
    return out, {f"{name}.runningMean": mean, f"{name}.runningVariance": var}


def gcn(p, name, h, fan_in, fan_out):
    return GCN @ (h @ p(f"{name}.weight", fan_in, fan_out)) + p(f"{name}.bias", fan_out)


def sage(p, name, h, fan_in, fan_out):
    own = h @ p(f"{name}.self.weight", fan_in, fan_out) + p(f"{name}.self.bias", fan_out)
    return own + (MEAN @ h) @ p(f"{name}.neigh.weight", fan_in, fan_out) + p(f"{name}.neigh.bias", fan_out)


def gat(p, name, h, fan_in, fan_out, heads, last):
    width = fan_out if last else fan_out // heads
    z = (h @ p(f"{name}.weight", fan_in, heads * width)).view(N, heads, width)
    source = (z * p(f"{name}.attentionSource", heads, width)).sum(-1)
    target = (z * p(f"{name}.attentionTarget", heads, width)).sum(-1)
    scores = F.leaky_relu(target[:, None, :] + source[None, :, :], 0.2)  # [v, u, head]
    alpha = torch.softmax(scores.masked_fill(adjacency[:, :, None] == 0, -torch.inf), dim=1)
    out = torch.einsum("vuk,ukd->vkd", alpha, z)
    out = out.mean(1) if last else out.reshape(N, heads * width)
    return out + p(f"{name}.bias", fan_out)


def plain(p, spec):
    h, buffers = x, {}
    total = spec["layers"] + spec.get("finalLinearLayers", 0)
    for i in range(total):
        last = i == total - 1
        fan_in, fan_out = (F0 if i == 0 else H), (C if last else H)
        if i >= spec["layers"]:
            name = f"linear{i + 1 - spec['layers']}"
            h = h @ p(f"{name}.weight", fan_in, fan_out) + p(f"{name}.bias", fan_out)
        elif spec["model"] == "gat":
            h = gat(p, f"conv{i + 1}", h, fan_in, fan_out, spec["heads"], last)
        else:
            h = (gcn if spec["model"] == "gcn" else sage)(p, f"conv{i + 1}", h, fan_in, fan_out)
        if not last:
            h, moved = norm(p, spec["norm"], f"norm{i + 1}", h, H)
            buffers.update(moved)
            h = torch.relu(h)
    return h, buffers


def residual(p, spec):
    h, buffers = x @ p("input.weight", F0, H) + p("input.bias", H), {}
    for i in range(spec["layers"]):
        y, moved = norm(p, spec["norm"], f"norm{i + 1}", h, H)
        buffers.update(moved)
        h = h + sage(p, f"conv{i + 1}", torch.relu(y), H, H)
    if spec["norm"] != "none":  # the first block's norm again; its running statistics move twice
        first = (p.values["norm1.weight"], p.values["norm1.bias"])
        running = (buffers["norm1.runningMean"], buffers["norm1.runningVariance"]) if spec["norm"] == "batch" else None
        h, moved = normalise(spec["norm"], "norm1", h, *first, running=running)
        buffers.update(moved)
    h = torch.relu(h)
    return h @ p("output.weight", H, C) + p("output.bias", C), buffers


def array(t):
    return {"shape": list(t.shape), "data": t.detach().reshape(-1).tolist()}


SPECS = [
    dict(model="gcn", layers=2, norm="none"),
    dict(model="gcn", layers=1, norm="layer", finalLinearLayers=2),
    dict(model="sage", layers=3, norm="layer"),
    dict(model="sage", layers=2, norm="batch", finalLinearLayers=1),
    dict(model="gat", layers=2, norm="none", heads=2),
    dict(model="gat", layers=2, norm="layer", heads=3, finalLinearLayers=1),
    dict(model="resSage", layers=2, norm="layer"),
    dict(model="resSage", layers=3, norm="batch"),
    dict(model="resSage", layers=2, norm="none"),
]

cases = []
labels = torch.tensor(LABELS)
multi = (torch.rand(N, C) < 0.4).double()
for spec in SPECS:
    p = Params()
    logits, buffers = (residual if spec["model"] == "resSage" else plain)(p, spec)
    loss = F.cross_entropy(logits[ROWS], labels[ROWS], reduction="sum") / 7
    grads = torch.autograd.grad(loss, list(p.values.values()), retain_graph=True)
    bce = F.binary_cross_entropy_with_logits(logits[ROWS], multi[ROWS], reduction="sum") / 7
    bce_grads = torch.autograd.grad(bce, list(p.values.values()))
    cases.append(
        {
            "spec": spec,
            "parameters": {name: array(v) for name, v in p.values.items()},
            "buffers": {name: array(v) for name, v in buffers.items()},
            "logits": array(logits),
            "loss": loss.item(),
            "gradients": {name: array(g) for name, g in zip(p.values, grads)},
            "bce": bce.item(),
            "bceGradients": {name: array(g) for name, g in zip(p.values, bce_grads)},
        }
    )

steps = []
for name, make in {
    "adam": lambda q: torch.optim.Adam([q], lr=0.02, weight_decay=5e-3),
    "adamw": lambda q: torch.optim.AdamW([q], lr=0.02, weight_decay=5e-2),
    "sgd": lambda q: torch.optim.SGD([q], lr=0.05, momentum=0.9, weight_decay=1e-2),
}.items():
    start = torch.randn(37)
    gradients = torch.randn(5, 37)
    q = start.clone().requires_grad_()
    optimizer = make(q)
    after = []
    for g in gradients:
        q.grad = g.clone()
        optimizer.step()
        after.append(q.detach().tolist())
    steps.append({"optimizer": name, "start": start.tolist(), "gradients": gradients.tolist(), "after": after})

golden = {
    "tool": f"torch {torch.__version__}",
    "command": "python gnn.py",
    "seed": 20240607,
    "numVertices": N,
    "edges": EDGES,
    "features": array(x),
    "labels": LABELS,
    "multiLabels": multi.int().reshape(-1).tolist(),
    "rows": ROWS,
    "divisor": 7,
    "hidden": H,
    "numClasses": C,
    "cases": cases,
    "optimizers": steps,
}
with open(os.path.join(os.path.dirname(__file__), "gnn.json"), "w") as f:
    json.dump(golden, f, separators=(",", ":"))
    f.write("\n")
