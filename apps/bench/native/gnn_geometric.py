"""gnn_geometric.py FOLDER gcn|sage LAYERS HIDDEN EPOCHS: the networks of gnn_train.py as PyTorch Geometric has them.

Its layers take dense features, and its adjacency here is a torch.sparse CSR matrix (the path without compiled extensions).
GCNConv normalises once (cached). SAGE aggregates raw features before it projects them; there is no projection first.
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
from torch_geometric.nn import GCNConv, SAGEConv

torch.set_num_threads(THREADS)
torch.manual_seed(1)
warnings.filterwarnings("ignore")
folder, kind = Path(sys.argv[1]), sys.argv[2]
num_layers, hidden, epochs = (int(word) for word in sys.argv[3:6])
DROPOUT, WARM_UP = 0.5, 5


def array(name, dtype):
    return np.frombuffer(gzip.decompress((folder / name).read_bytes()), dtype=dtype)


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
weights = 1 / np.sqrt(degree[target] * degree[source]) if kind == "gcn" else np.ones(len(source))
adjacency = torch.sparse_csr_tensor(
    torch.from_numpy(indptr), torch.from_numpy(source.astype(np.int64)), torch.from_numpy(weights.astype(np.float32)), (n, n)
)

f_indptr, f_indices = array("feat.indptr.i32.gz", "<i4"), array("feat.indices.i32.gz", "<i4")
has_values = (folder / "feat.values.f32.gz").exists()
f_values = array("feat.values.f32.gz", "<f4") if has_values else np.ones(len(f_indices), np.float32)
f_rows = np.repeat(np.arange(n), np.diff(f_indptr))
if kind == "gcn":
    sums = np.bincount(f_rows, np.abs(f_values), minlength=n)
    f_values = f_values / np.maximum(sums, 1e-30)[f_rows]
x = torch.zeros(n, width)
x[torch.from_numpy(f_rows), torch.from_numpy(f_indices.astype(np.int64))] = torch.from_numpy(f_values.astype(np.float32))

labels = torch.from_numpy(array("labels.i32.gz", "<i4").astype(np.int64))
split = json.loads((folder / "split.json").read_text())
train = torch.tensor(split["train"])
test = np.setdiff1d(np.nonzero(labels.numpy() >= 0)[0], split["train"] + split["val"])
test = test if isinstance(split["test"], str) else np.array(split["test"])

widths = [width] + [hidden] * (num_layers - 1) + [classes]
if kind == "gcn":
    layers = [GCNConv(a, b, normalize=False) for a, b in zip(widths, widths[1:])]
else:
    layers = [SAGEConv(a, b, aggr="mean") for a, b in zip(widths, widths[1:])]
norms = [torch.nn.LayerNorm(hidden) for _ in range(num_layers - 1)] if kind == "sage" else []
parameters = [p for module in layers + norms for p in module.parameters()]


def forward(training):
    h = x
    for i, layer in enumerate(layers):
        h = layer(F.dropout(h, DROPOUT, training), adjacency)
        if i + 1 < num_layers:
            h = F.relu(norms[i](h) if norms else h)
    return h


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
