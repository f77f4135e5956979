"""Lets fairseq read its own checkpoints, and no file that would run code.

Since torch 2.6 ``torch.load`` builds nothing but tensors and plain containers unless a class is on
its allow-list. fairseq's checkpoints hold the options as a ``Namespace`` and numbers as NumPy
scalars; exactly these are allowed, none of which can run code when built.

fairseq takes a file that ends in ``.fasta`` for data where it finds no other, even if nobody asked
for that format, and hands its path to a shell. Here such a file is refused.
"""

import argparse
from typing import NoReturn

import numpy as np
import torch
from fairseq.data.fasta_dataset import FastaDataset, fasta_file_path
from numpy._core.multiarray import scalar

from hat.errors import DataError

_DTYPES = [type(np.dtype(name)) for name in ("float64", "float32", "int64", "int32", "bool")]

torch.serialization.add_safe_globals([argparse.Namespace, np.dtype, scalar, *_DTYPES])


def _refuse_fasta(self: FastaDataset, path: str) -> NoReturn:
    raise DataError(
        f"{fasta_file_path(path)}: FASTA files are not read; fairseq-preprocess the text"
    )


FastaDataset._build_index = _refuse_fasta
