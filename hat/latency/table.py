"""Many architectures as arrays, so that predictors handle them a million per second."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hat.arch.config import SubTransformerConfig
from hat.arch.gene_batch import LAYER_GENES, GeneBatch, gene_columns, used_genes
from hat.arch.gene_tables import gene_tables
from hat.arrays import Floats, Ints32, Rows
from hat.latency.samples import LAYER_COLUMNS, LatencySample

ENCODER_LISTS = 2
"""The first two of ``LAYER_COLUMNS`` belong to the encoder, the other four to the decoder."""


@dataclass(frozen=True)
class ArchTable:
    """N architectures."""

    features: Floats
    """(N, 10) HAT's features."""

    layers: Ints32 | None = None
    """(N, 6, L) the per-layer decisions in the order of ``LAYER_COLUMNS``; 0 beyond the depth.
    ``None`` where only the features are known, as in HAT's files."""

    def __len__(self) -> int:
        return len(self.features)

    def take(self, rows: Rows | Sequence[int] | slice) -> "ArchTable":
        """Returns the architectures at ``rows``."""
        return ArchTable(self.features[rows], None if self.layers is None else self.layers[rows])


def table_of_archs(archs: Sequence[SubTransformerConfig], *, layers: bool = True) -> ArchTable:
    """Builds the table of N architectures, fast for a ``GeneBatch`` and faster without layers."""
    if isinstance(archs, GeneBatch):
        return _table_of_genes(archs, layers)
    rows = [
        (
            arch.encoder.embed_dim,
            len(arch.encoder.ffn_dims),
            sum(arch.encoder.ffn_dims) / len(arch.encoder.ffn_dims),
            sum(arch.encoder.self_heads) / len(arch.encoder.ffn_dims),
            arch.decoder.embed_dim,
            len(arch.decoder.ffn_dims),
            sum(arch.decoder.ffn_dims) / len(arch.decoder.ffn_dims),
            sum(arch.decoder.self_heads) / len(arch.decoder.ffn_dims),
            sum(arch.decoder.ende_heads) / len(arch.decoder.ffn_dims),
            sum(arch.decoder.ende_spans) / len(arch.decoder.ffn_dims),
        )
        for arch in archs
    ]
    features = np.array(rows, dtype=np.float64).reshape(len(rows), 10)
    return ArchTable(features, _layers(archs) if layers else None)


def table_of_samples(samples: Sequence[LatencySample]) -> ArchTable:
    """Builds the table of N measured rows; it has layers if every row has its architecture."""
    features = np.array([list(sample.features.values()) for sample in samples])
    archs = [sample.arch for sample in samples if sample.arch is not None]
    return ArchTable(features, _layers(archs) if len(archs) == len(samples) else None)


def _table_of_genes(batch: GeneBatch, layers: bool) -> ArchTable:
    """The table of a gene matrix, without a Python object per architecture."""
    tables = gene_tables(batch.genes.space)
    features = tables.features(batch.matrix, tables.positions(batch.matrix))
    return ArchTable(features.T, _layers_of_genes(batch) if layers else None)


def _layers_of_genes(batch: GeneBatch) -> Ints32:
    space = batch.genes.space
    columns = gene_columns(space)
    used = used_genes(space, batch.matrix)
    deepest = max(space.max_encoder_layers, space.max_decoder_layers)
    lists = np.zeros((len(batch), len(LAYER_COLUMNS), deepest), dtype=np.int32)
    fields = [field for fields in LAYER_GENES.values() for field in fields]
    for index, field in enumerate(fields):
        choices = np.array(getattr(space, field), dtype=np.int32)
        values = choices[batch.matrix[:, columns[field]]] * used[:, columns[field]]
        lists[:, index, : values.shape[1]] = values
    return lists


def _layers(archs: Sequence[SubTransformerConfig]) -> Ints32:
    deepest = max(
        (max(arch.encoder.num_layers, arch.decoder.num_layers) for arch in archs), default=0
    )
    layers = np.zeros((len(archs), len(LAYER_COLUMNS), deepest), dtype=np.int32)
    for row, arch in enumerate(archs):
        for column, get in enumerate(LAYER_COLUMNS.values()):
            values = get(arch)
            layers[row, column, : len(values)] = values
    return layers
