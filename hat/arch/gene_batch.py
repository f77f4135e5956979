"""Many architectures at once: a matrix of genes that is decoded only where somebody looks.

A search draws far more candidates than it keeps. Drawing them, computing their latency features
and rejecting most of them happens on the whole matrix; an architecture is built when it is
indexed.
"""

from collections.abc import Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

from hat.arch.config import SubTransformerConfig
from hat.arch.features import latency_features
from hat.arch.genes import Genes
from hat.arch.space import SearchSpace

_DEPTH_GENES = ("encoder_layer_nums", "decoder_layer_nums")


def gene_columns(space: SearchSpace) -> dict[str, slice]:
    """Returns which of the G genes belong to which field of the space, in gene order."""
    encoder, decoder = space.max_encoder_layers, space.max_decoder_layers
    counts = {
        "encoder_embed_dims": 1,
        "encoder_layer_nums": 1,
        "encoder_ffn_dims": encoder,
        "encoder_self_heads": encoder,
        "decoder_embed_dims": 1,
        "decoder_layer_nums": 1,
        "decoder_ffn_dims": decoder,
        "decoder_self_heads": decoder,
        "decoder_ende_heads": decoder,
        "decoder_ende_spans": decoder,
    }
    columns: dict[str, slice] = {}
    start = 0
    for name, count in counts.items():
        columns[name] = slice(start, start + count)
        start += count
    return columns


class GeneBatch(Sequence[SubTransformerConfig]):
    """N architectures of one space as a gene matrix (N, G); a lazy, read-only sequence."""

    def __init__(self, genes: Genes, matrix: NDArray[np.int8]) -> None:
        """Args: genes: the translator; matrix: (N, G), the genes of unused layers are free."""
        self.genes = genes
        self.matrix = matrix

    def __len__(self) -> int:
        return len(self.matrix)

    @overload
    def __getitem__(self, index: int) -> SubTransformerConfig: ...

    @overload
    def __getitem__(self, index: slice) -> "GeneBatch": ...

    def __getitem__(self, index: int | slice) -> "SubTransformerConfig | GeneBatch":
        if isinstance(index, slice):
            return GeneBatch(self.genes, self.matrix[index])
        return self.genes.decode(tuple(self.matrix[index].tolist()))

    def features(self) -> NDArray[np.float64]:
        """Returns HAT's latency features (N, D=10), equal to ``latency_features`` of each row."""
        space = self.genes.space
        columns = gene_columns(space)
        out = np.empty((len(self), len(columns)))
        depth = np.empty(0, dtype=np.int32)
        used = np.empty((0, 0), dtype=bool)
        # Features come in the order of the genes: width, depth, then per-layer means of a side.
        for place, (name, column) in enumerate(columns.items()):
            choices = np.array(getattr(space, name), dtype=np.int32)
            values = choices[self.matrix[:, column]]
            if name in _DEPTH_GENES:
                depth = values[:, 0]
                used = np.arange(choices[0]) < depth[:, None]
            if values.shape[1] == 1 and name.endswith(("embed_dims", "layer_nums")):
                out[:, place] = values[:, 0]
            else:
                out[:, place] = (values * used).sum(axis=1) / depth
        return out


def feature_matrix(archs: Sequence[SubTransformerConfig]) -> NDArray[np.float64]:
    """Returns the latency features (N, D=10) of ``archs``; fast for a ``GeneBatch``."""
    if isinstance(archs, GeneBatch):
        return archs.features()
    rows = [list(latency_features(arch).values()) for arch in archs]
    return np.array(rows, dtype=np.float64).reshape(len(archs), 10)
