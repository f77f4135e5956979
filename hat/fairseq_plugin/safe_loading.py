"""Lets fairseq read its own checkpoints with ``torch.load`` as it is since torch 2.6.

``torch.load`` builds nothing but tensors and plain containers unless a class is on its
allow-list. fairseq's checkpoints hold the options as a ``Namespace`` and numbers as NumPy
scalars; exactly these are allowed, none of which can run code when built.
"""

import argparse

import numpy as np
import torch
from numpy._core.multiarray import scalar

_DTYPES = [type(np.dtype(name)) for name in ("float64", "float32", "int64", "int32", "bool")]

torch.serialization.add_safe_globals([argparse.Namespace, np.dtype, scalar, *_DTYPES])
