"""Random networks for engines."""

from dataclasses import replace
from typing import Any

import numpy as np

from hat.models.extract import extract
from hat.models.super_transformer import SuperTransformer
from tests.models.conftest import KINDS, randomise, tiny_config
from tests.translation.conftest import random_arch

__all__ = ["KINDS", "random_network"]


def random_network(kind: str, *, seed: int = 0, spans: bool = True, **more: Any) -> Any:
    """A true-size SubTransformer of a kind, with random weights and an architecture of its own.

    Args:
        kind: of ``KINDS``.
        seed: draws both.
        spans: whether layers attend to more than the last encoder layer.
        more: of the configuration.
    """
    config = tiny_config(**{**KINDS[kind], **more})
    arch = random_arch(np.random.default_rng([seed, len(kind)]), config)
    if not spans:
        decoder = replace(arch.decoder, ende_spans=(1,) * arch.decoder.num_layers)
        arch = replace(arch, decoder=decoder)
    return extract(randomise(SuperTransformer(config), seed), arch)
