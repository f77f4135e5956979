"""Many architectures as arrays, so that predictors handle them a million per second."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hat.arch.config import SubTransformerConfig
from hat.arch.space import SearchSpace
from hat.errors import DataError
from hat.latency.samples import LAYER_COLUMNS, LatencySample

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ENCODER_LISTS = 2
"""The first two of ``LAYER_COLUMNS`` belong to the encoder, the other four to the decoder."""


@dataclass(frozen=True)
class ArchTable:
    """N architectures."""

    features: Floats
    """(N, 10) HAT's features."""

    layers: Ints | None = None
    """(N, 6, L) the per-layer decisions in the order of ``LAYER_COLUMNS``; 0 beyond the depth.
    ``None`` where only the features are known, as in HAT's files."""

    def __len__(self) -> int:
        return len(self.features)

    def take(self, rows: NDArray[np.intp] | Sequence[int]) -> "ArchTable":
        """Returns the architectures at ``rows``."""
        return ArchTable(
            self.features[rows], None if self.layers is None else self.layers[rows]
        )


def table_of_archs(archs: Sequence[SubTransformerConfig], *, layers: bool = True) -> ArchTable:
    """Builds the table of N architectures; without ``layers`` it is three times as fast."""
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


def table_of_genes(space: SearchSpace, genes: NDArray[np.integer]) -> ArchTable:
    """Builds the table of (N, G) genes of ``space`` without a Python object per architecture.

    Genes are those of ``hat.arch.genes.Genes``; free genes beyond the depth do not count.
    """
    encoder, decoder = space.max_encoder_layers, space.max_decoder_layers
    choices = (
        (space.encoder_embed_dims, 1),
        (space.encoder_layer_nums, 1),
        (space.encoder_ffn_dims, encoder),
        (space.encoder_self_heads, encoder),
        (space.decoder_embed_dims, 1),
        (space.decoder_layer_nums, 1),
        (space.decoder_ffn_dims, decoder),
        (space.decoder_self_heads, decoder),
        (space.decoder_ende_heads, decoder),
        (space.decoder_ende_spans, decoder),
    )
    width = sum(count for _, count in choices)
    if genes.ndim != 2 or genes.shape[1] != width:
        raise DataError(f"genes must have shape (N, {width}), but found {genes.shape}")
    features = np.empty((len(genes), len(choices)))
    lists: list[NDArray[np.int64]] = []
    depth = np.ones(len(genes), dtype=np.int64)
    start = 0
    for column, (values, count) in enumerate(choices):
        block = np.array(values, dtype=np.int64)[genes[:, start : start + count]]
        start += count
        if column in (1, 5):
            depth = block[:, 0]
        if column in (0, 1, 4, 5):
            features[:, column] = block[:, 0]
        else:
            block = np.where(np.arange(count) < depth[:, None], block, 0)
            features[:, column] = block.sum(axis=1) / depth
            lists.append(block)
    layers = np.zeros((len(genes), len(lists), max(encoder, decoder)), dtype=np.int64)
    for index, block in enumerate(lists):
        layers[:, index, : block.shape[1]] = block
    return ArchTable(features, layers)


def _layers(archs: Sequence[SubTransformerConfig]) -> Ints:
    deepest = max(
        (max(arch.encoder.num_layers, arch.decoder.num_layers) for arch in archs), default=0
    )
    layers = np.zeros((len(archs), len(LAYER_COLUMNS), deepest), dtype=np.int64)
    for row, arch in enumerate(archs):
        for column, get in enumerate(LAYER_COLUMNS.values()):
            values = get(arch)
            layers[row, column, : len(values)] = values
    return layers
