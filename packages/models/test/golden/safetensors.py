"""Writes fromPython.safetensors with the reference package, and checks fromStrata.safetensors (written by
`node safetensors.mjs`) with it. Run: python safetensors.py  (safetensors==0.8.0, numpy==2.4.6)
"""
import os
import sys

import numpy as np

here = os.path.dirname(os.path.abspath(__file__))
sys.path = [entry for entry in sys.path if os.path.abspath(entry or ".") != here]  # this file shares the package's name
from safetensors import safe_open  # noqa: E402
from safetensors.numpy import save_file  # noqa: E402

EXPECTED = {
    "conv1.weight": np.arange(6, dtype=np.float32).reshape(2, 3) / 4,
    "mean": np.array([1e-300, -2.5], dtype=np.float64),
    "ids": np.array([[-1], [2**31 - 1]], dtype=np.int32),
    "mask": np.array([0, 1, 255], dtype=np.uint8),
    "empty": np.zeros((0, 4), dtype=np.float32),
}
MORE = {  # types that Strata only reads
    "half": np.array([1.5, -0.0, 6.1035e-05, 5.9605e-08, 65504, np.inf], dtype=np.float16),
    "long": np.array([-(2**62), 2**53 + 1], dtype=np.int64),
}

save_file({**EXPECTED, **MORE}, os.path.join(here, "fromPython.safetensors"), metadata={"format": "np", "näme": "ü"})

path = os.path.join(here, "fromStrata.safetensors")
if os.path.exists(path):
    with safe_open(path, framework="np") as f:
        assert sorted(f.keys()) == sorted(EXPECTED), list(f.keys())
        assert f.metadata() == {"format": "np", "näme": "ü"}, f.metadata()
        for name, value in EXPECTED.items():
            got = f.get_tensor(name)
            assert got.dtype == value.dtype and got.shape == value.shape and (got == value).all(), (name, got)
    print("fromStrata.safetensors reads back exactly")
