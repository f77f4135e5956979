"""Scores that need no training and no data: size, work and depth. The baselines to beat."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from hat.arch.config import SubTransformerConfig
from hat.errors import ConfigError, suggestion
from hat.models.config import SuperTransformerConfig
from hat.models.flops import cost, num_params

Arch = SubTransformerConfig


class StaticScorer:
    """A number that can be read off an architecture. More is taken to be better."""

    higher_is_better = True

    def __init__(self, name: str, value: Callable[[Arch], float]) -> None:
        """Args: name: for reports; value: the number of one architecture."""
        self.name = name
        self._value = value

    def score(self, archs: Sequence[Arch]) -> NDArray[np.float64]:
        """Returns float64 (N,)."""
        return np.array([self._value(arch) for arch in archs], dtype=np.float64)


def static_scorers(config: SuperTransformerConfig, *, src_len: int) -> dict[str, StaticScorer]:
    """Returns every static scorer by name.

    ``params`` and ``flops`` leave out embeddings and the last projection, as HAT's table does.
    ``decoder_depth_then_params`` compares the depth of decoders, and parameters where those are
    equal; no published proxy has clearly beaten it on HAT's WMT14 en-de space.

    Args:
        config: the SuperTransformer; of its sizes ``qkv_dim`` and the vocabularies matter.
        src_len: tokens of the sentence behind ``flops``, on both sides.
    """

    def params(arch: Arch) -> float:
        return float(num_params(config, arch, include_embeddings=False))

    def flops(arch: Arch) -> float:
        counted = cost(config, arch, src_len=src_len, tgt_len=src_len)
        return float(counted.flops_without_last_layer)

    largest = params(config.largest_arch()) + 1

    values: Mapping[str, Callable[[Arch], float]] = {
        "params": params,
        "flops": flops,
        "encoder_depth": lambda arch: float(arch.encoder.num_layers),
        "decoder_depth": lambda arch: float(arch.decoder.num_layers),
        "decoder_depth_then_params": lambda arch: arch.decoder.num_layers + params(arch) / largest,
    }
    return {name: StaticScorer(name, value) for name, value in values.items()}


def static_scorer(name: str, config: SuperTransformerConfig, *, src_len: int) -> StaticScorer:
    """Returns one static scorer; see ``static_scorers``.

    Raises:
        ConfigError: if there is none of that name.
    """
    scorers = static_scorers(config, src_len=src_len)
    if name not in scorers:
        raise ConfigError(
            f"unknown scorer {name!r}{suggestion(name, scorers)}; "
            f"without a model there are {', '.join(scorers)}"
        )
    return scorers[name]


def config_that_holds(
    archs: Sequence[Arch],
    *,
    qkv_dim: int,
    encoder_normalize_before: bool = False,
    decoder_normalize_before: bool = False,
) -> SuperTransformerConfig:
    """Returns a SuperTransformer just large enough for ``archs``, for counting without a model.

    Its vocabulary is a placeholder: use only what leaves embeddings out.
    """
    return SuperTransformerConfig(
        src_vocab_size=4,
        tgt_vocab_size=4,
        encoder_embed_dim=max(arch.encoder.embed_dim for arch in archs),
        encoder_ffn_dim=max(max(arch.encoder.ffn_dims) for arch in archs),
        encoder_layers=max(
            max(arch.encoder.num_layers, *arch.decoder.ende_spans) for arch in archs
        ),
        encoder_heads=max(max(arch.encoder.self_heads) for arch in archs),
        decoder_embed_dim=max(arch.decoder.embed_dim for arch in archs),
        decoder_ffn_dim=max(max(arch.decoder.ffn_dims) for arch in archs),
        decoder_layers=max(arch.decoder.num_layers for arch in archs),
        decoder_heads=max(
            max(*arch.decoder.self_heads, *arch.decoder.ende_heads) for arch in archs
        ),
        qkv_dim=qkv_dim,
        encoder_normalize_before=encoder_normalize_before,
        decoder_normalize_before=decoder_normalize_before,
    )
