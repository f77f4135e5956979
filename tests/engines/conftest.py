"""Random networks for engines."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from hat.models.extract import extract
from hat.models.super_transformer import SuperTransformer
from tests.models.conftest import KINDS, randomise, tiny_config
from tests.translation.conftest import random_arch

__all__ = ["KINDS", "random_network"]


def random_network(
    kind: str, *, seed: int = 0, spans: bool = True, ends: bool = False, **more: Any
) -> Any:
    """A true-size SubTransformer of a kind, with random weights and an architecture of its own.

    Args:
        kind: of ``KINDS``.
        seed: draws both.
        spans: whether layers attend to more than the last encoder layer.
        ends: whether the end of a sentence is likely, so that translations end by themselves.
        more: of the configuration.
    """
    config = tiny_config(**{**KINDS[kind], **more})
    arch = random_arch(np.random.default_rng([seed, len(kind)]), config)
    if not spans:
        decoder = replace(arch.decoder, ende_spans=(1,) * arch.decoder.num_layers)
        arch = replace(arch, decoder=decoder)
    small = extract(randomise(SuperTransformer(config), seed), arch)
    if ends:
        decoder = small.decoder
        last = decoder.layer(arch.decoder.num_layers - 1)
        norm = decoder.layer_norm or (last.fc2 if last.normalize_before else last.final_layer_norm)
        with torch.no_grad():
            end = decoder.output_weight[2, : arch.decoder.embed_dim]
            norm.bias += 3 * end / end.square().sum()
    return small
