"""The values that each decision of a search space takes, under the names of the CSV columns."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from hat.arch.config import MAX_WIDTH
from hat.arch.space import SearchSpace
from hat.errors import DataError, HatError, suggestion
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


def check_choices(
    found: Any, where: str, error: type[HatError] = DataError
) -> dict[str, list[int]]:
    """Returns choices that a file holds, sorted.

    Args:
        found: the values of each decision, under the names of the CSV columns.
        where: names file and place in messages.
        error: class of the error.

    Raises:
        HatError: of class ``error``, naming ``where`` and the decision, if they are none.
    """
    if not isinstance(found, Mapping):
        raise error(f"{where}: must be the values of each decision, but found {found!r:.60}")
    for name, values in found.items():
        if name not in CHOICE_FIELDS:
            hint = suggestion(str(name), CHOICE_FIELDS)
            raise error(f"{where}: there is no decision {name!r:.60}{hint}")
        right = isinstance(values, list | tuple) and all(type(v) is int for v in values)
        if not right or not all(0 < value <= MAX_WIDTH for value in values):
            raise error(
                f"{where}: {name} must be a list of whole numbers from 1 to {MAX_WIDTH:,}, but "
                f"found {values!r:.60}"
            )
    return {name: sorted(values) for name, values in found.items()}
