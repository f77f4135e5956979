"""The training and evaluation sets of the neural predictor's reproduction, by name.

``172``, ``334`` and ``860`` are drawn at random; ``91-172`` and so on leave out of those what
scores below 0.91; ``denoise-91`` and ``denoise-80`` are all architectures above a threshold;
``all`` is everything (github.com/ultmaster/neuralpredictor.pytorch). The same architectures as
there come from its own file only; see ``published_splits``.
"""

import re

import numpy as np
from numpy.typing import NDArray

from hat.errors import ConfigError, suggestion

EXAMPLES = ("172", "334", "860", "91-172", "91-334", "91-860", "denoise-91", "denoise-80", "all")

_SPLIT = re.compile(
    r"all|denoise-(?P<above>[0-9]{2})|(?:(?P<floor>[0-9]{2})-)?(?P<count>[1-9][0-9]*)"
)


def split_indices(
    name: str, scores: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Returns the indices of a split of N architectures, sorted unless they were drawn.

    Equal generators draw nested sets: those of ``172`` are the first of ``334``.

    Args:
        name: one of ``EXAMPLES``, or with other numbers in their place.
        scores: fractions in [0, 1], (N,); what is not finite is in no split but ``all``.
        rng: draws.

    Raises:
        ConfigError: if there is no such split, it is larger than the table or it is empty.
    """
    found = _SPLIT.fullmatch(name)
    if not found:
        raise ConfigError(
            f"there is no split {name!r}{suggestion(name, EXAMPLES)}; "
            f"the splits are {', '.join(EXAMPLES)}, or the same with other numbers"
        )
    if found["count"]:
        known = rng.permutation(np.flatnonzero(np.isfinite(scores)))
        count = int(found["count"])
        if count > len(known):
            raise ConfigError(
                f"split {name} needs {count} architectures, but the table has {len(known)}"
            )
        indices = known[:count]
        if found["floor"]:
            indices = indices[scores[indices] >= int(found["floor"]) / 100]
    elif found["above"]:
        indices = np.flatnonzero(scores >= int(found["above"]) / 100)
    else:
        indices = np.arange(len(scores))
    if not len(indices):
        raise ConfigError(f"split {name} is empty: no architecture scores that high")
    return indices.astype(np.int64)
