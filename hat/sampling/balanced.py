"""``--sampling-strategy balanced``: all decoder depths and all costs equally often."""

from dataclasses import replace
from typing import Self

import numpy as np

from hat.arch.config import DecoderConfig, EncoderConfig
from hat.arch.space import SearchSpace
from hat.models.config import SuperTransformerConfig
from hat.models.flops import cost
from hat.sampling.base import Arch, Ground, Sampling
from hat.settings import NoSettings

_TOKENS = 30
"""Of the sentence, on both sides, whose FLOPs are the cost: HAT's for WMT."""

_Genes = dict[str, list[int]]


class Balanced(Sampling):
    """One SubTransformer of the decoder depth whose turn it is, and of a cost drawn uniformly.

    Uniform choices make the cost of an architecture a sum of many independent terms, so nearly
    all that are drawn cost about the same, and the cheap and the costly ends, where a search
    looks, are hardly trained. Here the decoder depths take turns, the encoder depth is drawn
    uniformly, and a target is drawn uniformly between the FLOPs of the smallest and the largest
    SubTransformer of these depths. A uniform draw then walks towards the target: a decision chosen
    at random takes its next larger or next smaller choice, until the target is passed, and the
    nearer of the last two is taken.
    """

    def __init__(
        self, settings: NoSettings, space: SearchSpace, config: SuperTransformerConfig
    ) -> None:
        """Args: settings: none; space: what is drawn from; config: whose FLOPs are counted."""
        self.settings = settings
        self._space = space
        self._config = config

    @classmethod
    def build(cls, settings: NoSettings, ground: Ground) -> Self:
        """Draws from the whole space at every update."""
        return cls(settings, ground.space, ground.config)

    def cost(self, arch: Arch) -> float:
        """FLOPs of one pass over a sentence, in which costs are balanced."""
        return float(cost(self._config, arch, src_len=_TOKENS, tgt_len=_TOKENS).flops)

    def draw(self, update: int, rng: np.random.Generator) -> tuple[Arch, ...]:
        """Returns one SubTransformer."""
        depths = self._space.decoder_layer_nums
        space = replace(
            self._space,
            encoder_layer_nums=(int(rng.choice(self._space.encoder_layer_nums)),),
            decoder_layer_nums=(depths[update % len(depths)],),
        )
        target = rng.uniform(self.cost(space.smallest()), self.cost(space.largest()))
        return (self._near(target, space, rng),)

    def _near(self, target: float, space: SearchSpace, rng: np.random.Generator) -> Arch:
        before = arch = space.sample(rng)
        genes = _indices(arch, space)
        grows = self.cost(arch) < target
        step = -1 if grows else 1  # choices are sorted from the largest down
        while (self.cost(arch) < target) == grows:
            can_move = [
                (name, place)
                for name, values in genes.items()
                for place, index in enumerate(values)
                if 0 <= index + step < len(getattr(space, name))
            ]
            if not can_move:
                break
            name, place = can_move[int(rng.integers(len(can_move)))]
            genes[name][place] += step
            before, arch = arch, _arch(genes, space)
        return min(before, arch, key=lambda each: abs(self.cost(each) - target))


def _indices(arch: Arch, space: SearchSpace) -> _Genes:
    """The place of each of its values among the choices of the space, by decision."""
    encoder, decoder = arch.encoder, arch.decoder
    values = {
        "encoder_embed_dims": (encoder.embed_dim,),
        "decoder_embed_dims": (decoder.embed_dim,),
        "encoder_ffn_dims": encoder.ffn_dims,
        "decoder_ffn_dims": decoder.ffn_dims,
        "encoder_self_heads": encoder.self_heads,
        "decoder_self_heads": decoder.self_heads,
        "decoder_ende_heads": decoder.ende_heads,
        "decoder_ende_spans": decoder.ende_spans,
    }
    return {
        name: [getattr(space, name).index(value) for value in of_arch]
        for name, of_arch in values.items()
    }


def _arch(genes: _Genes, space: SearchSpace) -> Arch:
    def chosen(name: str) -> tuple[int, ...]:
        choices = getattr(space, name)
        return tuple(choices[index] for index in genes[name])

    return Arch(
        encoder=EncoderConfig(
            embed_dim=chosen("encoder_embed_dims")[0],
            ffn_dims=chosen("encoder_ffn_dims"),
            self_heads=chosen("encoder_self_heads"),
        ),
        decoder=DecoderConfig(
            embed_dim=chosen("decoder_embed_dims")[0],
            ffn_dims=chosen("decoder_ffn_dims"),
            self_heads=chosen("decoder_self_heads"),
            ende_heads=chosen("decoder_ende_heads"),
            ende_spans=chosen("decoder_ende_spans"),
        ),
    )
