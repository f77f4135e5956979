"""Many architectures at once: a matrix of genes that is decoded only where somebody looks.

A search draws far more candidates than it keeps. Drawing them, predicting their latency and
rejecting most of them happens on the whole matrix; an architecture is built when it is indexed.
"""

from collections.abc import Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

from hat.arch.config import SubTransformerConfig
from hat.arch.genes import Genes
from hat.arch.space import SearchSpace

LAYER_GENES = {
    "encoder_layer_nums": ("encoder_ffn_dims", "encoder_self_heads"),
    "decoder_layer_nums": (
        "decoder_ffn_dims",
        "decoder_self_heads",
        "decoder_ende_heads",
        "decoder_ende_spans",
    ),
}
"""Which fields have one gene per layer, by the field that says how many layers there are."""


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


def used_genes(space: SearchSpace, matrix: NDArray[np.int8]) -> NDArray[np.bool_]:
    """Marks the genes of layers that exist: bool (N, G) for genes (N, G)."""
    columns = gene_columns(space)
    used = np.ones(matrix.shape, dtype=bool)
    for depth_name, layer_names in LAYER_GENES.items():
        depths = np.array(getattr(space, depth_name))
        depth = depths[matrix[:, columns[depth_name]]]
        block = np.arange(depths[0]) < depth
        for name in layer_names:
            used[:, columns[name]] = block
    return used


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

    def keys(self) -> list[bytes]:
        """Returns N keys that are equal exactly where the architectures are equal."""
        canonical = self.matrix * used_genes(self.genes.space, self.matrix)
        rows = np.ascontiguousarray(canonical)
        keys: list[bytes] = rows.view(f"V{rows.shape[1]}").ravel().tolist()
        return keys
