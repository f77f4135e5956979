"""The settings of a search that belong to no named part: HAT's, and what follows the search."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from hat.nas.scorers import SCORERS
from hat.search.algorithms import ALGORITHMS
from hat.search.deliver import DeliverySettings
from hat.settings import (
    NO_OUTCOME,
    Above,
    AtLeast,
    AtMost,
    Below,
    Between,
    Needs,
    OneOf,
    Settings,
    Shown,
)


class _Scorers:
    """The names of the scorers that say so of themselves, looked up when they are asked for."""

    def __init__(self, attribute: str) -> None:
        self._attribute = attribute

    def __iter__(self) -> Iterator[str]:
        return iter(SCORERS.where(lambda part: bool(getattr(part, self._attribute))))


FREE_SCORERS = _Scorers("is_free")
"""Those that need neither trained weights nor data."""

COMPARED_SCORERS = _Scorers("compares")
"""Those whose ranking can be compared at the end of a search."""


@dataclass(frozen=True, kw_only=True)
class SearchSettings(Settings):
    """Which algorithm, which scorer, how long."""

    search_algorithm: Annotated[str, OneOf(ALGORITHMS)] = "evolution"
    """what chooses the next candidates; see docs/search.md"""

    evo_iter: Annotated[int, AtLeast(1), AtMost(10_000_000), NO_OUTCOME] = 30
    """rounds of the search"""

    mutation_prob: Annotated[float, Above(0), Between(0, 1)] = 0.3
    """chance that a mutation changes a decision"""

    scorer: Annotated[str, OneOf(SCORERS)] = "inherited-loss"
    """what candidates are scored by; see docs/search.md"""

    warm_up: Annotated[int, AtLeast(0), AtMost(1_000_000), Shown("N")] = 0
    """choose the first population from N random candidates by --screen-by"""

    moves: Annotated[int, AtLeast(1), AtMost(1_000_000), Shown("M")] = 1
    """choose each later candidate from M by --screen-by"""

    screen_by: Annotated[
        str, OneOf(FREE_SCORERS), Needs("warm-up", "moves", attribute="screens")
    ] = "decoder_depth_then_params"
    """score without training that chooses what is scored for real"""

    @property
    def screens(self) -> bool:
        """Whether candidates are chosen before they are scored for real."""
        return self.warm_up > 0 or self.moves > 1


@dataclass(frozen=True, kw_only=True)
class FinishSettings(Settings):
    """Measuring finalists, the contest, the comparison of scorers."""

    measure_finalists: Annotated[int, AtLeast(0), AtMost(100_000), Shown("K"), NO_OUTCOME] = 3
    """measure the best K here, and drop or repair what misses the limit; 0: measure none"""

    measure_margin: Annotated[float, AtLeast(0), Below(1), NO_OUTCOME] = 0.02
    """part of the limit that must stay free"""

    measure_repeats: Annotated[int, AtLeast(1), AtMost(100_000), Shown("N"), NO_OUTCOME] = 5
    """measure each finalist at most N times, until it is clear on which side of the limit it lies;
    1: the first figure counts"""

    measure_patience: Annotated[float, AtLeast(0), Shown("SECONDS"), NO_OUTCOME] = 60.0
    """how long to wait, in total, while the machine is slower or faster than it was for the
    predictor's dataset"""

    contest_seeds: Annotated[tuple[int, ...] | None, AtLeast(0), Shown("SEED"), NO_OUTCOME] = None
    """further seeds of the contest with random search and the largest that fits; without a value
    there is no contest (default: the two that follow --seed, which is as few as a verdict takes)"""

    contest_margin: Annotated[float | None, AtLeast(0), Shown("AMOUNT"), NO_OUTCOME] = None
    """differences of the score that are smaller do not matter to the contest: it calls them ties
    (default: 0.01 bits of inherited loss, 0.3 of BLEU, else 0)"""

    rank_sample: Annotated[int, AtLeast(0), AtMost(1_000_000), Shown("N"), NO_OUTCOME] = 100
    """candidates on which every scorer's ranking is compared with the inherited loss; 0: no
    comparison"""

    rank_scorers: Annotated[
        tuple[str, ...], OneOf(COMPARED_SCORERS), Shown("NAME"), NO_OUTCOME
    ] = ()
    """which scorers are compared (default: those that need no weights)"""

    @property
    def delivery(self) -> DeliverySettings:
        """How many finalists are measured, how often, and how close they may come."""
        # With 0 nothing is measured and these settings are not asked for.
        return DeliverySettings(
            keep=max(1, self.measure_finalists),
            margin=self.measure_margin,
            repeats=self.measure_repeats,
        )

    def seeds(self, first: int) -> tuple[int, ...]:
        """Returns the seeds of the contest, the search's own first; none if there is none."""
        further = self.contest_seeds
        if further is None:
            further = (first + 1, first + 2)
        # The same seed twice is no second run.
        return tuple(dict.fromkeys((first, *further))) if further else ()
