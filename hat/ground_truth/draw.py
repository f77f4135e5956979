"""Which architectures of a space are trained: stated by a rule and a seed."""

from dataclasses import replace

import numpy as np

from hat.arch.config import SubTransformerConfig
from hat.arch.space import SearchSpace


def draw_stratified(space: SearchSpace, count: int, *, seed: int) -> list[SubTransformerConfig]:
    """Draws ``count`` different architectures, stratified over both depths.

    The first is the largest, the second the smallest. Then encoder depth and decoder depth come in
    the pairs of a Latin square: as long as both have N choices, each N that follow each other have
    every depth of both once, and each N * N every pair once. What else decides is drawn as a search
    draws it, each layer on its own; in every second architecture all layers take what the first
    one took, because means over many layers hardly differ.

    The first architectures of a longer list are those of a shorter one.

    Args:
        space: what to draw from.
        count: how many.
        seed: of the draws.
    """
    rng = np.random.default_rng(seed)
    encoder_depths = rng.permutation(space.encoder_layer_nums).tolist()
    decoder_depths = rng.permutation(space.decoder_layer_nums).tolist()
    found = dict.fromkeys((space.largest(), space.smallest()))
    index = 0
    while len(found) < min(count, space.size()):
        turn = index // len(encoder_depths)
        narrow = replace(
            space,
            encoder_layer_nums=(encoder_depths[index % len(encoder_depths)],),
            decoder_layer_nums=(decoder_depths[(index + turn) % len(decoder_depths)],),
        )
        rng = np.random.default_rng((seed, index))
        arch = narrow.sample(rng)
        found[_alike(arch) if index % 2 else arch] = None
        index += 1
    return list(found)[:count]


def _alike(arch: SubTransformerConfig) -> SubTransformerConfig:
    """All layers as the first one."""

    def spread(values: tuple[int, ...]) -> tuple[int, ...]:
        return values[:1] * len(values)

    encoder, decoder = arch.encoder, arch.decoder
    return SubTransformerConfig(
        encoder=replace(
            encoder, ffn_dims=spread(encoder.ffn_dims), self_heads=spread(encoder.self_heads)
        ),
        decoder=replace(
            decoder,
            ffn_dims=spread(decoder.ffn_dims),
            self_heads=spread(decoder.self_heads),
            ende_heads=spread(decoder.ende_heads),
            ende_spans=spread(decoder.ende_spans),
        ),
    )
