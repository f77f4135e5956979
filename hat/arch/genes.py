"""Architectures as tuples of integers, the form on which search operators work.

A gene holds an index into its decision's choices. Per-layer decisions have one gene for each
layer of the *deepest* architecture, so all architectures have equally many genes; the genes of
layers beyond the sampled depth are free. Hence ``decode(encode(a)) == a``, but two gene tuples
may decode to the same architecture: compare and cache architectures, never genes.
"""

from dataclasses import dataclass

import numpy as np

from hat.arch.config import DecoderConfig, EncoderConfig, SubTransformerConfig
from hat.arch.space import SearchSpace


@dataclass(frozen=True)
class _Block:
    """A run of genes that share one tuple of choices."""

    choices: tuple[int, ...]
    count: int


class Genes:
    """Translates between architectures of one space and gene tuples of fixed length."""

    def __init__(self, space: SearchSpace) -> None:
        """Args: space: the search space whose choices the genes index."""
        encoder, decoder = space.max_encoder_layers, space.max_decoder_layers
        self.space = space
        self._blocks = (
            _Block(space.encoder_embed_dims, 1),
            _Block(space.encoder_layer_nums, 1),
            _Block(space.encoder_ffn_dims, encoder),
            _Block(space.encoder_self_heads, encoder),
            _Block(space.decoder_embed_dims, 1),
            _Block(space.decoder_layer_nums, 1),
            _Block(space.decoder_ffn_dims, decoder),
            _Block(space.decoder_self_heads, decoder),
            _Block(space.decoder_ende_heads, decoder),
            _Block(space.decoder_ende_spans, decoder),
        )

    @property
    def num_choices(self) -> tuple[int, ...]:
        """How many values each of the G genes can take."""
        return tuple(len(block.choices) for block in self._blocks for _ in range(block.count))

    def encode(self, arch: SubTransformerConfig) -> tuple[int, ...]:
        """Returns the G genes of ``arch``; those of unused layers are 0.

        Raises:
            ConfigError: if ``arch`` is not in the space.
        """
        self.space.check(arch)
        encoder, decoder = arch.encoder, arch.decoder
        values = (
            (encoder.embed_dim,),
            (encoder.num_layers,),
            encoder.ffn_dims,
            encoder.self_heads,
            (decoder.embed_dim,),
            (decoder.num_layers,),
            decoder.ffn_dims,
            decoder.self_heads,
            decoder.ende_heads,
            decoder.ende_spans,
        )
        genes: list[int] = []
        for block, block_values in zip(self._blocks, values, strict=True):
            indices = [block.choices.index(value) for value in block_values]
            genes += indices + [0] * (block.count - len(indices))
        return tuple(genes)

    def decode(self, genes: tuple[int, ...]) -> SubTransformerConfig:
        """Returns the architecture that G genes stand for."""
        values: list[tuple[int, ...]] = []
        start = 0
        for block in self._blocks:
            part = genes[start : start + block.count]
            values.append(tuple(block.choices[gene] for gene in part))
            start += block.count
        encoder_layers, decoder_layers = values[1][0], values[5][0]
        return SubTransformerConfig(
            encoder=EncoderConfig(
                embed_dim=values[0][0],
                ffn_dims=values[2][:encoder_layers],
                self_heads=values[3][:encoder_layers],
            ),
            decoder=DecoderConfig(
                embed_dim=values[4][0],
                ffn_dims=values[6][:decoder_layers],
                self_heads=values[7][:decoder_layers],
                ende_heads=values[8][:decoder_layers],
                ende_spans=values[9][:decoder_layers],
            ),
        )

    def sample(self, rng: np.random.Generator) -> tuple[int, ...]:
        """Draws every gene uniformly."""
        return tuple(int(gene) for gene in rng.integers(np.array(self.num_choices)))
