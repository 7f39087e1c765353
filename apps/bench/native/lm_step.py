"""lm_step.py WIDTH BATCH: the training step of src/contenders/lmStep.ts in PyTorch."""

import sys

import torch
import torch.nn.functional as F
from inputs import THREADS, fill, report, time_call
from torch import nn

torch.set_num_threads(THREADS)
WIDTH, BATCH = (int(a) for a in sys.argv[1:3])
LAYERS, HEADS, CONTEXT, VOCABULARY = 4, WIDTH // 32, 128, 65
count = 0


def weight(*shape):
    """The next matrix, `[in, out]`: its seed is its place among all parameters, from 1."""
    global count
    count += 1
    return torch.from_numpy(fill(torch.Size(shape).numel(), count, 0.1)).reshape(shape)


def skip(n):
    """Parameters that are constant at first."""
    global count
    count += n


def norm():
    skip(2)
    return nn.LayerNorm(WIDTH)


def linear(fan_in, fan_out, columns=None):
    # nn.Linear computes x·Wᵀ: the weights are our [in, out] ones, transposed.
    layer = nn.Linear(fan_in, fan_out)
    with torch.no_grad():
        matrix = weight(fan_in, fan_out)
        layer.weight.copy_((matrix if columns is None else matrix[:, columns]).T)
        layer.bias.zero_()
    skip(1)
    return layer


# Our columns are ordered (head, {q, k, v}, dimension); here all queries come first.
BY_PART = torch.arange(3 * WIDTH).view(HEADS, 3, -1).transpose(0, 1).reshape(-1)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.qkv, self.project = norm(), linear(WIDTH, 3 * WIDTH, BY_PART), linear(WIDTH, WIDTH)
        self.norm2, self.up, self.down = norm(), linear(WIDTH, 4 * WIDTH), linear(4 * WIDTH, WIDTH)

    def forward(self, h):
        parts = self.qkv(self.norm1(h)).split(WIDTH, dim=2)
        q, k, v = (p.view(BATCH, CONTEXT, HEADS, -1).transpose(1, 2) for p in parts)
        seen = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        h = h + self.project(seen.transpose(1, 2).reshape(BATCH, CONTEXT, WIDTH))
        return h + self.down(F.gelu(self.up(self.norm2(h)), approximate="tanh"))


class Gpt(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.places = nn.Parameter(weight(VOCABULARY, WIDTH)), nn.Parameter(weight(CONTEXT, WIDTH))
        self.blocks = nn.Sequential(*(Block() for _ in range(LAYERS)))
        self.last = norm()
        i = torch.arange(BATCH * CONTEXT)
        self.ids = ((i * 7 + i // CONTEXT * 13) % VOCABULARY).reshape(BATCH, CONTEXT)
        self.targets = ((self.ids * 5 + 1) % VOCABULARY).reshape(-1)

    def forward(self):
        h = self.last(self.blocks(F.embedding(self.ids, self.words) + self.places))
        return F.cross_entropy(F.linear(h, self.words).view(-1, VOCABULARY), self.targets)


model = Gpt()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01, fused=True)


def step():
    optimizer.zero_grad()
    loss = model()
    loss.backward()
    optimizer.step()
    return loss.item()


compared = [step() for _ in range(5)][-1]
report(time_call(step, 2), **{"loss at step 5": float(f"{compared:.5g}")})
