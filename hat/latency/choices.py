"""The values that each decision of a search space takes, under the names of the CSV columns."""

from collections.abc import Mapping, Sequence

import numpy as np

from hat.arch.config import DecoderConfig, EncoderConfig, SubTransformerConfig
from hat.arch.space import SearchSpace
from hat.latency.samples import FEATURE_COLUMNS, LAYER_COLUMNS
from hat.latency.table import ArchTable

CHOICE_FIELDS = {
    "encoder_embed_dim": "encoder_embed_dims",
    "encoder_layer_num": "encoder_layer_nums",
    "encoder_ffn_embed_dim": "encoder_ffn_dims",
    "encoder_self_attention_heads": "encoder_self_heads",
    "decoder_embed_dim": "decoder_embed_dims",
    "decoder_layer_num": "decoder_layer_nums",
    "decoder_ffn_embed_dim": "decoder_ffn_dims",
    "decoder_self_attention_heads": "decoder_self_heads",
    "decoder_ende_attention_heads": "decoder_ende_heads",
    "decoder_ende_spans": "decoder_ende_spans",
}
"""The field of ``SearchSpace`` for each decision, in the order of the features."""


def observed_choices(table: ArchTable) -> dict[str, list[int]]:
    """Returns the values that each decision takes in ``table``, as far as it shows them."""
    seen: dict[str, list[int]] = {}
    for column in (0, 1, 4, 5):
        values = np.unique(table.features[:, column])
        seen[FEATURE_COLUMNS[column]] = [int(value) for value in values]
    if table.layers is not None:
        for index, name in enumerate(LAYER_COLUMNS):
            values = np.unique(table.layers[:, index])
            seen[name] = [int(value) for value in values if value > 0]
    return seen


def space_choices(space: SearchSpace) -> dict[str, list[int]]:
    """Returns the choices of each decision of ``space``, under the names of the CSV columns."""
    return {name: sorted(getattr(space, attr)) for name, attr in CHOICE_FIELDS.items()}


def smallest(choices: Mapping[str, Sequence[int]]) -> SubTransformerConfig:
    """Returns the smallest architecture that choices, by name of decision, allow."""

    def least(name: str) -> int:
        return min(choices.get(name) or [1])

    encoder, decoder = least("encoder_layer_num"), least("decoder_layer_num")
    return SubTransformerConfig(
        encoder=EncoderConfig(
            embed_dim=least("encoder_embed_dim"),
            ffn_dims=(least("encoder_ffn_embed_dim"),) * encoder,
            self_heads=(least("encoder_self_attention_heads"),) * encoder,
        ),
        decoder=DecoderConfig(
            embed_dim=least("decoder_embed_dim"),
            ffn_dims=(least("decoder_ffn_embed_dim"),) * decoder,
            self_heads=(least("decoder_self_attention_heads"),) * decoder,
            ende_heads=(least("decoder_ende_attention_heads"),) * decoder,
            ende_spans=(least("decoder_ende_spans"),) * decoder,
        ),
    )
