"""Lets fairseq read its own checkpoints, and no file that would run code.

Since torch 2.6 ``torch.load`` builds nothing but tensors and plain containers unless a class is on
its allow-list. The list is that of hat's own reader of checkpoints.

fairseq takes a file that ends in ``.fasta`` for data where it finds no other, even if nobody asked
for that format, and hands its path to a shell. Here such a file is refused.
"""

from typing import NoReturn

import torch
from fairseq.data.fasta_dataset import FastaDataset, fasta_file_path

from hat.errors import DataError
from hat.models.checkpoint import PLAIN_GLOBALS

torch.serialization.add_safe_globals(PLAIN_GLOBALS)


def _refuse_fasta(self: FastaDataset, path: str) -> NoReturn:
    raise DataError(
        f"{fasta_file_path(path)}: FASTA files are not read; fairseq-preprocess the text"
    )


FastaDataset._build_index = _refuse_fasta
