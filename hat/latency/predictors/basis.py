"""The columns of the linear predictors: what a Transformer's latency is made of.

Time adds up over layers. So the natural columns are depth times (one, width, feed-forward width,
heads, span), summed over the layers, and products of two of these within a layer; their
coefficients are the prices of the parts. HAT's averages suffice for the sums: depth times average.

Each basis returns ``(main, extra)``: what every device shows, and details. The regression weighs
them all; the main columns alone serve where there are too few rows for that.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations_with_replacement

import numpy as np

from hat.arrays import Floats
from hat.errors import DataError
from hat.latency.samples import LAYER_COLUMNS
from hat.latency.table import ENCODER_LISTS, ArchTable

Choices = Mapping[str, Sequence[int]]
_NUM_ADDITIVE_MAIN = 11
Basis = Callable[[ArchTable, Floats, Choices], tuple[list[Floats], list[Floats]]]


def additive(
    table: ArchTable, feature_norm: Floats, choices: Choices
) -> tuple[list[Floats], list[Floats]]:
    """Sums over layers, with products of two features inside the layers as extra columns."""
    x = (table.features / feature_norm).T
    encoder_width, encoder_depth, encoder_ffn, encoder_heads = x[:4]
    decoder_width, decoder_depth = x[4], x[5]
    per_layer = [decoder_width, *x[6:10]]
    main = [
        np.ones(len(table)),
        encoder_depth * encoder_width,
        encoder_depth * encoder_ffn,
        encoder_depth * encoder_heads,
        decoder_width,
        decoder_depth,
        *(decoder_depth * part for part in per_layer),
    ]
    extra = [
        encoder_depth,
        encoder_depth * encoder_width * encoder_ffn,
        decoder_depth * x[9] * encoder_width,
        *(
            decoder_depth * left * right
            for left, right in combinations_with_replacement(per_layer, 2)
        ),
    ]
    return main, extra


def depth_linear(
    table: ArchTable, feature_norm: Floats, choices: Choices
) -> tuple[list[Floats], list[Floats]]:
    """A linear model for all depths, with a correction of every coefficient at each depth."""
    x = table.features / feature_norm
    depths = sorted(choices["decoder_layer_num"])
    depth = table.features[:, 5]
    main = [np.ones(len(table)), *x.T, *(x[:, 5] * column for column in x[:, 4:].T)]
    extra: list[Floats] = []
    for value in depths:
        at = (depth == value).astype(np.float64)
        extra += [at, *(at * column for index, column in enumerate(x.T) if index != 5)]
    return main, extra


def per_layer_parts(prices: Floats, choices: Choices) -> tuple[Floats, Floats, Floats]:
    """Takes the prices of ``per_layer`` apart.

    Returns:
        The prices of a choice, and of a choice times the width, both in the order of
        ``LAYER_COLUMNS`` and their choices; and those of ``[1, widths, additive columns]``.
    """
    count = sum(len(choices[name]) for name in LAYER_COLUMNS)
    alone = prices[3 : 3 + count]
    start = 3 + count + _NUM_ADDITIVE_MAIN - 1
    times_width = prices[start : start + count]
    return (
        alone,
        times_width,
        np.concatenate([prices[:3], prices[3 + count : start], prices[start + count :]]),
    )


def per_layer(
    table: ArchTable, feature_norm: Floats, choices: Choices
) -> tuple[list[Floats], list[Floats]]:
    """How many layers made each choice, alone and times the width: any curve per decision.

    Raises:
        DataError: if the table holds averages only, as HAT's files do.
    """
    if table.layers is None:
        raise DataError(
            "the per-layer predictor needs the architecture of every row, but this dataset has "
            "averages only: choose another --predictor or measure with latency_dataset.py"
        )
    widths = (table.features[:, 0] / feature_norm[0], table.features[:, 4] / feature_norm[4])
    main = [np.ones(len(table)), *widths]
    extra: list[Floats] = []
    for index, name in enumerate(LAYER_COLUMNS):
        width = widths[0] if index < ENCODER_LISTS else widths[1]
        lists = np.ascontiguousarray(table.layers[:, index].T)  # (L, N)
        for value in choices[name]:
            count = np.count_nonzero(lists == value, axis=0).astype(np.float64)
            main.append(count)
            extra.append(count * width)
    more_main, more_extra = additive(table, feature_norm, choices)
    return main + more_main[1:], extra + more_extra
