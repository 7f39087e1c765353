"""dense_step.py NETWORK: the training step of src/contenders/denseModels.ts in PyTorch."""

import sys

import torch
import torch.nn.functional as F
from inputs import THREADS, fill, report, time_call
from torch import nn

torch.set_num_threads(THREADS)
count = 0


def tensor(shape, seed, scale=1.0):
    return torch.from_numpy(fill(torch.Size(shape).numel(), seed, scale)).reshape(shape)


def weight(shape, scale):
    """The next variable: its seed is its place, from 1."""
    global count
    count += 1
    return tensor(shape, count, scale)


def skip(n):
    """Variables that are constant at first."""
    global count
    count += n


def linear(fan_in, fan_out, scale=None):
    # nn.Linear computes x·Wᵀ: the weights are our [in, out] ones, transposed.
    layer = nn.Linear(fan_in, fan_out)
    with torch.no_grad():
        layer.weight.copy_(weight((fan_in, fan_out), scale or 2 / fan_in**0.5).T)
        layer.bias.zero_()
    skip(1)
    return layer


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([linear(784, 512), linear(512, 512), linear(512, 10)])
        self.x, self.labels = tensor((256, 784), 9), torch.arange(256) % 10

    def forward(self):
        h = self.x
        for layer in self.layers[:-1]:
            h = F.relu(layer(h))
        return F.cross_entropy(self.layers[-1](h), self.labels)

    def optimizer(self):
        return torch.optim.Adam(self.parameters(), lr=1e-3, fused=True)


class Unit(nn.Module):
    def __init__(self, fan_in, fan_out, size, stride):
        super().__init__()
        self.conv = nn.Conv2d(fan_in, fan_out, size, stride, padding=size // 2, bias=False)
        self.norm = nn.BatchNorm2d(fan_out)
        with torch.no_grad():
            filters = weight((size, size, fan_in, fan_out), 5 / (size * size * fan_in) ** 0.5)
            self.conv.weight.copy_(filters.permute(3, 2, 0, 1))
        skip(2)

    def forward(self, x):
        return self.norm(self.conv(x))


class Block(nn.Module):
    def __init__(self, fan_in, fan_out, stride):
        super().__init__()
        self.first, self.second = Unit(fan_in, fan_out, 3, stride), Unit(fan_out, fan_out, 3, 1)
        self.shortcut = nn.Identity() if stride == 1 else Unit(fan_in, fan_out, 1, stride)

    def forward(self, x):
        return F.relu(self.second(F.relu(self.first(x))) + self.shortcut(x))


class Resnet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = Unit(3, 16, 3, 1)
        self.blocks = nn.Sequential(Block(16, 16, 1), Block(16, 32, 2), Block(32, 64, 2))
        self.head = linear(64, 10, 2 / 8)
        # The layout that tfjs has, and the faster one for PyTorch.
        self.x = tensor((64, 32, 32, 3), 9).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
        self.labels = torch.arange(64) % 10
        self.to(memory_format=torch.channels_last)

    def forward(self):
        h = self.blocks(F.relu(self.stem(self.x)))
        return F.cross_entropy(self.head(h.mean((2, 3))), self.labels)

    def optimizer(self):
        return torch.optim.SGD(self.parameters(), lr=0.05, momentum=0.9, fused=True)


LAYERS, WIDTH, HEADS, TOKENS, BATCH, VOCABULARY = 4, 256, 8, 128, 8, 96


def norm():
    skip(2)
    return nn.LayerNorm(WIDTH)


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.qkv, self.project = norm(), linear(WIDTH, 3 * WIDTH), linear(WIDTH, WIDTH)
        self.norm2, self.up, self.down = norm(), linear(WIDTH, 4 * WIDTH), linear(4 * WIDTH, WIDTH)

    def forward(self, h):
        parts = self.qkv(self.norm1(h)).split(WIDTH, dim=2)
        q, k, v = (p.view(BATCH, TOKENS, HEADS, -1).transpose(1, 2) for p in parts)
        seen = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        h = h + self.project(seen.transpose(1, 2).reshape(BATCH, TOKENS, WIDTH))
        return h + self.down(F.gelu(self.up(self.norm2(h)), approximate="tanh"))


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Parameter(weight((VOCABULARY, WIDTH), 1))
        self.places = nn.Parameter(weight((TOKENS, WIDTH), 1))
        self.layers = nn.Sequential(*(Layer() for _ in range(LAYERS)))
        self.last, self.head = norm(), linear(WIDTH, VOCABULARY)
        i = torch.arange(BATCH * TOKENS)
        self.ids = ((i * 7 + i // TOKENS * 13) % VOCABULARY).reshape(BATCH, TOKENS)
        self.labels = ((self.ids * 5 + 1) % VOCABULARY).reshape(-1)

    def forward(self):
        h = self.layers(F.embedding(self.ids, self.embedding) + self.places)
        return F.cross_entropy(self.head(self.last(h)).view(-1, VOCABULARY), self.labels)

    def optimizer(self):
        return torch.optim.AdamW(self.parameters(), lr=1e-3, weight_decay=0.01, fused=True)


model = {"mlp": Mlp, "resnet": Resnet, "transformer": Transformer}[sys.argv[1]]()
optimizer = model.optimizer()


def step():
    optimizer.zero_grad()
    loss = model()
    loss.backward()
    optimizer.step()
    return loss.item()


compared = [step() for _ in range(5)][-1]
report(time_call(step, 2), **{"loss at step 5": float(f"{compared:.5g}")})
