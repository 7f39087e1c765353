"""Writes graphs.json: Matrix Market texts by scipy, components and cut sizes by scipy and networkx. python3 graphs.py"""
import io, json, platform
import networkx as nx, numpy as np, scipy, scipy.io, scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

rng = np.random.default_rng(7)
cases = []
for field in ["pattern", "real", "integer"]:
    for symmetry in ["general", "symmetric"]:
        n = 12
        dense = (rng.random((n, n)) < 0.2) * (rng.integers(1, 9, (n, n)) + (0.125 if field == "real" else 0))
        if symmetry == "symmetric":
            dense = np.tril(dense) + np.tril(dense, -1).T
        matrix = sp.coo_matrix(dense.astype(int) if field == "integer" else dense)
        out = io.BytesIO()
        scipy.io.mmwrite(out, matrix, comment=" made by scipy", field=field, symmetry=symmetry, precision=17)
        i, j = np.nonzero(dense)
        cases.append({
            "field": field, "symmetry": symmetry, "text": out.getvalue().decode(), "n": n,
            "entries": [[int(a), int(b), float(dense[a, b])] for a, b in zip(i, j)],
        })

components = []
for n, m in [(40, 20), (300, 180), (300, 400)]:
    edges = rng.integers(0, n, (m, 2))
    count, labels = connected_components(sp.coo_matrix((np.ones(m), edges.T), shape=(n, n)), connection="weak")
    g = nx.Graph(); g.add_nodes_from(range(n)); g.add_edges_from(map(tuple, edges.tolist()))
    assert nx.number_connected_components(g) == count
    part = rng.integers(0, 4, n)
    sides = [[v for v in range(n) if part[v] == p] for p in range(4)]
    cut = sum(nx.cut_size(g, sides[a], sides[b]) for a in range(4) for b in range(a))
    components.append({
        "n": n, "edges": edges.tolist(), "count": int(count), "labels": labels.tolist(), "part": part.tolist(),
        "cut": int(cut), "isolated": sum(1 for v in g if all(u == v for u in g[v])),
        "degrees": [len(set(g[v]) - {v}) for v in range(n)],
    })
tools = {"python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__, "networkx": nx.__version__}
with open(__file__.replace(".py", ".json"), "w") as f:
    json.dump({"command": "python3 graphs.py", "seed": 7, "tools": tools, "matrixMarket": cases, "components": components}, f)
    f.write("\n")
