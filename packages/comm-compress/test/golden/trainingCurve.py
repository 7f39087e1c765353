"""Trains a tiny GPT in PyTorch; the trainer must have the same losses and gradient norms on every grid.

Run: python trainingCurve.py > trainingCurve.json
"""

import base64
import json
import math
import sys

import numpy as np
import torch
import torch.nn.functional as F

LAYERS, WIDTH, HEADS, CONTEXT, VOCABULARY = 2, 16, 2, 8, 11
SAMPLES, STEPS, CLIP, DECAY = 8, 20, 0.5, 0.1
LR, MIN_LR, WARMUP, DECAY_STEPS = 1e-2, 1e-3, 4, 20

rng = np.random.default_rng(11)
torch.manual_seed(0)


def shapes():
    yield "wte.weight", (VOCABULARY, WIDTH)
    yield "wpe.weight", (CONTEXT, WIDTH)
    for layer in range(LAYERS):
        p = f"h.{layer}"
        for norm in ("ln_1", "ln_2"):
            yield f"{p}.{norm}.weight", (WIDTH,)
            yield f"{p}.{norm}.bias", (WIDTH,)
        yield f"{p}.attn.c_attn.weight", (WIDTH, 3 * WIDTH)
        yield f"{p}.attn.c_attn.bias", (3 * WIDTH,)
        yield f"{p}.attn.c_proj.weight", (WIDTH, WIDTH)
        yield f"{p}.attn.c_proj.bias", (WIDTH,)
        yield f"{p}.mlp.c_fc.weight", (WIDTH, 4 * WIDTH)
        yield f"{p}.mlp.c_fc.bias", (4 * WIDTH,)
        yield f"{p}.mlp.c_proj.weight", (4 * WIDTH, WIDTH)
        yield f"{p}.mlp.c_proj.bias", (WIDTH,)
    yield "ln_f.weight", (WIDTH,)
    yield "ln_f.bias", (WIDTH,)


start = {name: rng.normal(0, 0.2, shape).astype(np.float32) for name, shape in shapes()}
# Each token decides the next: there is something to learn.
first = rng.integers(0, VOCABULARY, (STEPS, SAMPLES))
text = np.stack([first], axis=-1)
for _ in range(CONTEXT):
    text = np.concatenate([text, (3 * text[..., -1:] + 4) % VOCABULARY], axis=-1)
weights = {name: torch.tensor(value, requires_grad=True) for name, value in start.items()}


def block(x, layer):
    w = lambda name: weights[f"h.{layer}.{name}"]
    norm = lambda x, name: F.layer_norm(x, (WIDTH,), w(f"{name}.weight"), w(f"{name}.bias"), 1e-5)
    qkv = norm(x, "ln_1") @ w("attn.c_attn.weight") + w("attn.c_attn.bias")
    # Columns are ordered by head, then query, key, value.
    q, k, v = qkv.view(SAMPLES, CONTEXT, HEADS, 3, WIDTH // HEADS).permute(3, 0, 2, 1, 4)
    seen = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(SAMPLES, CONTEXT, WIDTH)
    x = x + seen @ w("attn.c_proj.weight") + w("attn.c_proj.bias")
    inner = F.gelu(norm(x, "ln_2") @ w("mlp.c_fc.weight") + w("mlp.c_fc.bias"), approximate="tanh")
    return x + inner @ w("mlp.c_proj.weight") + w("mlp.c_proj.bias")


def loss_of(batch):
    tokens, targets = torch.tensor(batch[:, :-1]), torch.tensor(batch[:, 1:])
    x = weights["wte.weight"][tokens] + weights["wpe.weight"]
    for layer in range(LAYERS):
        x = block(x, layer)
    x = F.layer_norm(x, (WIDTH,), weights["ln_f.weight"], weights["ln_f.bias"], 1e-5)
    logits = x @ weights["wte.weight"].T
    return F.cross_entropy(logits.reshape(-1, VOCABULARY), targets.reshape(-1))


def rate(step):
    if step <= WARMUP:
        return LR * step / WARMUP
    progress = min(1.0, (step - WARMUP) / (DECAY_STEPS - WARMUP))
    return MIN_LR + (LR - MIN_LR) * 0.5 * (1 + math.cos(math.pi * progress))


matrices = [w for w in weights.values() if w.ndim > 1]
vectors = [w for w in weights.values() if w.ndim == 1]
optimizer = torch.optim.AdamW(
    [{"params": matrices, "weight_decay": DECAY}, {"params": vectors, "weight_decay": 0.0}], betas=(0.9, 0.999), eps=1e-8
)
losses, norms = [], []
for step in range(1, STEPS + 1):
    for group in optimizer.param_groups:
        group["lr"] = rate(step)
    optimizer.zero_grad()
    loss = loss_of(text[step - 1])
    loss.backward()
    norms.append(torch.nn.utils.clip_grad_norm_(list(weights.values()), CLIP).item())
    optimizer.step()
    losses.append(loss.item())

json.dump(
    {
        "tool": f"torch {torch.__version__}, Python {sys.version.split()[0]}",
        "command": "python trainingCurve.py > trainingCurve.json",
        "config": {"layers": LAYERS, "width": WIDTH, "heads": HEADS, "context": CONTEXT, "vocabulary": VOCABULARY},
        "options": {
            "globalBatch": SAMPLES,
            "clip": CLIP,
            "optimizer": {"weightDecay": DECAY},
            "learningRate": {"lr": LR, "minLr": MIN_LR, "warmupSteps": WARMUP, "decaySteps": DECAY_STEPS},
        },
        "weights": {name: base64.b64encode(value.tobytes()).decode() for name, value in start.items()},
        "text": text.tolist(),
        "losses": losses,
        "norms": norms,
    },
    sys.stdout,
)
