"""Who comes first after the search's best were scored again."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from hat.arch.config import SubTransformerConfig
from hat.arch.space import SearchSpace
from hat.errors import ConfigError
from hat.nas.rescoring import RescoreSettings, Rescoring
from hat.search.deliver import Delivery


class Scorer:
    """Gives what it was told to give."""

    def __init__(self, scores: Sequence[float], *, higher_is_better: bool) -> None:
        self.scores = np.array(scores)
        self.higher_is_better = higher_is_better

    def score(self, archs: Sequence[SubTransformerConfig]) -> Any:
        return self.scores[: len(archs)]

    def signature(self) -> dict[str, Any]:
        return {"scores": self.scores.tolist()}


def rescoring(scores: Sequence[float], *, higher_is_better: bool = True, top: int = 4) -> Rescoring:
    scorer: Any = Scorer(scores, higher_is_better=higher_is_better)
    return Rescoring(top=top, name="told", scorer=scorer)


@pytest.fixture
def candidates(search_space: SearchSpace) -> list[Delivery[SubTransformerConfig]]:
    rng = np.random.default_rng(0)
    return [
        Delivery(
            arch=search_space.sample(rng),
            objective=float(place),
            predicted={},
            measured={},
            upper={},
            budget={},
            fits=True,
        )
        for place in range(4)
    ]


@pytest.mark.parametrize(
    ("scores", "higher", "order"),
    [
        ((1, 4, 2, 3), True, [1, 3, 2, 0]),
        ((1, 4, 2, 3), False, [0, 2, 3, 1]),
        ((2, 2, 2, 3), False, [0, 1, 2, 3]),
        ((np.nan, 1, np.nan, 2), True, [3, 1, 0, 2]),
        ((np.nan, 1, np.nan, 2), False, [1, 3, 0, 2]),
    ],
)
def test_the_best_come_first(
    candidates: list[Delivery[SubTransformerConfig]],
    scores: tuple[float, ...],
    higher: bool,
    order: list[int],
) -> None:
    found, section = rescoring(scores, higher_is_better=higher).ordered(candidates)
    assert [candidates.index(each) for each in found] == order
    assert section.csv is not None
    lines = section.csv[1].splitlines()
    assert [line.endswith("yes") for line in lines[1:]] == [i == order[0] for i in range(4)]


def test_what_decides_the_winner_is_signed() -> None:
    digests = {rescoring(scores, top=top).digest() for scores in ((1.0,), (2.0,)) for top in (3, 4)}
    assert len(digests) == 4


def test_of_one_nothing_is_chosen() -> None:
    with pytest.raises(ConfigError, match="--rescore-top must be 0 or at least 2"):
        RescoreSettings(rescore_top=1)
