"""Writes gpt.json: a GPT block, a whole GPT and a masked-LM encoder of PyTorch, values and every gradient.

    python gpt.py > gpt.json

The blocks are torch.nn.TransformerEncoderLayer with norm_first, in float64. Weights are given by GPT-2's names and
layouts (matrices [in, out], all queries before all keys before all values).
"""

import json
import sys

import torch
from torch import nn

torch.set_default_dtype(torch.float64)
LAYERS, WIDTH, HEADS, CONTEXT, VOCABULARY, BATCH, LENGTH = 2, 8, 2, 7, 11, 2, 6


def fill(tensor, seed):
    """Numbers of moderate size that no symmetry of the model hides; float32 holds them exactly."""
    at = torch.arange(tensor.numel(), dtype=torch.float64)
    with torch.no_grad():
        values = 0.4 * torch.sin(at * 1.7 + seed * 2.3) + 0.2 * torch.cos(at * 0.31 * seed)
        tensor.copy_(values.float().double().reshape(tensor.shape))


class Model(nn.Module):
    def __init__(self, causal, tied):
        super().__init__()
        self.causal, self.tied = causal, tied
        self.words = nn.Embedding(VOCABULARY, WIDTH)
        self.places = nn.Embedding(CONTEXT, WIDTH)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(
                WIDTH, HEADS, 4 * WIDTH, dropout=0, norm_first=True, batch_first=True,
                activation=nn.GELU(approximate="tanh"),
            )
            for _ in range(LAYERS)
        )
        self.norm = nn.LayerNorm(WIDTH)
        self.head = self.words if tied else nn.Embedding(VOCABULARY, WIDTH)
        for seed, parameter in enumerate(self.parameters(), 1):
            fill(parameter, seed)

    def block(self, x, layer):
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1]).double() if self.causal else None
        return self.blocks[layer](x, src_mask=mask, is_causal=self.causal)

    def forward(self, tokens):
        x = self.words(tokens) + self.places(torch.arange(tokens.shape[1]))
        for layer in range(LAYERS):
            x = self.block(x, layer)
        return self.norm(x) @ self.head.weight.T

    def named(self, of):
        """Parameters, or their gradients, by GPT-2's names and layouts."""
        result = {"wte.weight": of(self.words.weight), "wpe.weight": of(self.places.weight)}
        for i, block in enumerate(self.blocks):
            attention = block.self_attn
            for name, parameter in {
                "ln_1.weight": block.norm1.weight, "ln_1.bias": block.norm1.bias,
                "attn.c_attn.weight": attention.in_proj_weight, "attn.c_attn.bias": attention.in_proj_bias,
                "attn.c_proj.weight": attention.out_proj.weight, "attn.c_proj.bias": attention.out_proj.bias,
                "ln_2.weight": block.norm2.weight, "ln_2.bias": block.norm2.bias,
                "mlp.c_fc.weight": block.linear1.weight, "mlp.c_fc.bias": block.linear1.bias,
                "mlp.c_proj.weight": block.linear2.weight, "mlp.c_proj.bias": block.linear2.bias,
            }.items():
                values = of(parameter)
                result[f"h.{i}.{name}"] = values if values is None or values.dim() == 1 else values.T
        result |= {"ln_f.weight": of(self.norm.weight), "ln_f.bias": of(self.norm.bias)}
        if not self.tied:
            result["lm_head.weight"] = of(self.head.weight)
        return {name: tensor(values) for name, values in result.items() if values is not None}


def tensor(values):
    return {"shape": list(values.shape), "data": [float(f"{v:.9g}") for v in values.detach().reshape(-1).tolist()]}


def case(causal, tied):
    model = Model(causal, tied)
    at = torch.arange(BATCH * LENGTH)
    tokens = ((at * 7 + at // LENGTH * 3) % VOCABULARY).reshape(BATCH, LENGTH)
    targets = (tokens * 5 + 2) % VOCABULARY
    if not causal:  # every third token counts
        targets = torch.where(at.reshape(BATCH, LENGTH) % 3 == 1, targets, -100)

    x = torch.zeros(BATCH, LENGTH, WIDTH, requires_grad=True)
    fill(x, 41)
    weighting = torch.zeros(BATCH, LENGTH, WIDTH)
    fill(weighting, 42)
    y = model.block(x, 1)
    (y * weighting).sum().backward()
    block = {
        "x": tensor(x), "weighting": tensor(weighting), "y": tensor(y), "dx": tensor(x.grad),
        "gradients": {n: g for n, g in model.named(lambda p: p.grad).items()},
    }

    model.zero_grad(set_to_none=True)
    logits = model(tokens)
    loss = nn.functional.cross_entropy(logits.reshape(-1, VOCABULARY), targets.reshape(-1))
    loss.backward()
    return {
        "causal": causal, "tied": tied, "weights": model.named(lambda p: p), "block": block,
        "tokens": tokens.tolist(), "targets": targets.tolist(),
        "logits": tensor(logits), "loss": loss.item(), "gradients": model.named(lambda p: p.grad),
    }


json.dump(
    {
        "tool": f"torch {torch.__version__}", "command": "python gpt.py",
        "layers": LAYERS, "width": WIDTH, "heads": HEADS, "context": CONTEXT, "vocabulary": VOCABULARY,
        "cases": {"tied": case(True, True), "untied": case(True, False), "masked": case(False, True)},
    },
    sys.stdout, separators=(",", ":"),
)
