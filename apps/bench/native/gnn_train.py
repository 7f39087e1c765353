"""gnn_train.py FOLDER gcn|sage LAYERS HIDDEN EPOCHS: the networks of @strata-ml/models in PyTorch with CSR products.

Same data, dropout, layer norm, loss and Adam. Products with constant sparse matrices get their transposes once, as a
careful user would do: PyTorch's own backward of a CSR product converts the matrix in every step.
"""

import gzip
import json
import statistics
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from inputs import THREADS, report

torch.set_num_threads(THREADS)
torch.manual_seed(1)
warnings.filterwarnings("ignore")
folder, kind = Path(sys.argv[1]), sys.argv[2]
num_layers, hidden, epochs = (int(word) for word in sys.argv[3:6])
DROPOUT, WARM_UP = 0.5, 5


def array(name, dtype):
    return np.frombuffer(gzip.decompress((folder / name).read_bytes()), dtype=dtype)


def row_ids(indptr):
    return np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))


class Sparse:
    """A CSR matrix with its transpose; `values` may be replaced, the structure stays."""

    def __init__(self, indptr, indices, values, shape):
        rows = row_ids(indptr)
        order = np.lexsort((rows, indices))
        counts = np.bincount(indices, minlength=shape[1])
        self.shape = shape
        self.values = torch.from_numpy(values)
        self.order = torch.from_numpy(order)
        self.structure = torch.from_numpy(indptr.astype(np.int32)), torch.from_numpy(indices.astype(np.int32))
        t_indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
        self.transposed = torch.from_numpy(t_indptr), torch.from_numpy(rows[order].astype(np.int32))
        self.prepare(self.values)

    def prepare(self, values):
        n, m = self.shape
        self.forward = torch.sparse_csr_tensor(*self.structure, values, (n, m), check_invariants=False)
        self.backward = torch.sparse_csr_tensor(*self.transposed, values[self.order], (m, n), check_invariants=False)
        return self

    def dropped(self):
        return self.prepare(F.dropout(self.values, DROPOUT))


class Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, matrix):
        ctx.matrix = matrix.backward
        return matrix.forward @ x

    @staticmethod
    def backward(ctx, dy):
        return ctx.matrix @ dy.contiguous(), None


meta = json.loads((folder / "meta.json").read_text())
n, width, classes = meta["num_nodes"], meta["num_features"], meta["num_classes"]
edges = array("edges.i32.gz", "<i4").reshape(-1, 2)
loops = np.arange(n, dtype=np.int32)
target = np.concatenate([edges[:, 0], edges[:, 1], loops])
source = np.concatenate([edges[:, 1], edges[:, 0], loops])
order = np.lexsort((source, target))
target, source = target[order], source[order]
degree = np.bincount(target, minlength=n)
indptr = np.concatenate([[0], np.cumsum(degree)])
weights = 1 / np.sqrt(degree[target] * degree[source]) if kind == "gcn" else 1 / degree[target]
adjacency = Sparse(indptr, source, weights.astype(np.float32), (n, n))

f_indptr, f_indices = array("feat.indptr.i32.gz", "<i4"), array("feat.indices.i32.gz", "<i4")
has_values = (folder / "feat.values.f32.gz").exists()
f_values = array("feat.values.f32.gz", "<f4") if has_values else np.ones(len(f_indices), np.float32)
if kind == "gcn":
    sums = np.bincount(row_ids(f_indptr), np.abs(f_values), minlength=n)
    f_values = (f_values / np.maximum(sums, 1e-30)[row_ids(f_indptr)]).astype(np.float32)
features = Sparse(f_indptr, f_indices, np.array(f_values), (n, width))

labels = torch.from_numpy(array("labels.i32.gz", "<i4").astype(np.int64))
split = json.loads((folder / "split.json").read_text())
train = torch.tensor(split["train"])
test = np.setdiff1d(np.nonzero(labels.numpy() >= 0)[0], split["train"] + split["val"])
test = test if isinstance(split["test"], str) else np.array(split["test"])


def parameter(*shape, bound):
    return torch.nn.Parameter(torch.empty(shape).uniform_(-bound, bound) if bound else torch.zeros(shape))


def linear(fan_in, fan_out):
    bound = (6 / (fan_in + fan_out)) ** 0.5 if kind == "gcn" else fan_in**-0.5
    return parameter(fan_in, fan_out, bound=bound), parameter(fan_out, bound=0 if kind == "gcn" else bound)


widths = [width] + [hidden] * (num_layers - 1) + [classes]
layers = [[linear(a, b) for _ in range(1 if kind == "gcn" else 2)] for a, b in zip(widths, widths[1:])]
norms = [torch.nn.LayerNorm(hidden) for _ in range(num_layers - 1)] if kind == "sage" else []
parameters = [p for layer in layers for pair in layer for p in pair] + [p for norm in norms for p in norm.parameters()]


def forward(training):
    h = None
    for i, layer in enumerate(layers):
        if i == 0:
            x = features.dropped() if training else features.prepare(features.values)
            projected = [Product.apply(weight, x) for weight, _ in layer]
            z = Product.apply(projected[-1], adjacency) + layer[-1][1]
            if kind == "sage":
                z = z + projected[0] + layer[0][1]
        else:
            h = F.dropout(h, DROPOUT, training)
            z = torch.addmm(layer[-1][1], Product.apply(h, adjacency), layer[-1][0])
            if kind == "sage":
                z = z + torch.addmm(layer[0][1], h, layer[0][0])
        if i + 1 < num_layers:
            h = F.relu(norms[i](z) if norms else z)
    return z


optimizer = torch.optim.Adam(parameters, lr=0.01)
seconds = []
for _ in range(epochs):
    start = time.perf_counter()
    optimizer.zero_grad()
    loss = F.cross_entropy(forward(True)[train], labels[train])
    loss.backward()
    optimizer.step()
    loss.item()
    seconds.append(time.perf_counter() - start)
with torch.no_grad():
    accuracy = (forward(False).argmax(1)[test] == labels[test]).float().mean().item()
count = sum(p.numel() for p in parameters)
report(statistics.median(seconds[WARM_UP:]), **{"test accuracy": accuracy, "parameters": count})
