"""The scorer of a search spread over processes and, where it can, raced."""

from dataclasses import dataclass

from hat.arch.config import SubTransformerConfig
from hat.nas.scorers.base import RaceableScorer, SearchScorer
from hat.scoring.ridge import Features
from hat.scoring.spread import Spread
from hat.search.base import Codec, Objective
from hat.search.racing import RaceSettings
from hat.search.racing_scorer import ExactScorer, RacingScorer, geometric_blocks

Arch = SubTransformerConfig


@dataclass(frozen=True, kw_only=True)
class SpreadScorer:
    """What a search scores by when there may be several processes."""

    spread: Spread[Arch]
    """All processes but the driver serve it."""

    exact: Objective[Arch]
    """Scores every architecture on everything."""

    race: Objective[Arch]
    """The same, but it may drop what is hopeless; for searches."""


def spread_scorer(
    scorer: SearchScorer,
    codec: Codec[Arch],
    features: Features[Arch],
    *,
    keep: int,
    has_front: bool,
    seed: int,
) -> SpreadScorer:
    """Spreads ``scorer`` over the processes there are, and races it if that can be.

    Args:
        scorer: what to spread.
        codec: how architectures travel.
        features: numbers (N, D) of N architectures that a race learns from.
        keep: how many of the best a race must not drop.
        has_front: whether the search has further objectives. Then nobody is dropped: who is
            hopeless by one objective may be the best by another.
        seed: deals the sentences into blocks.
    """
    if isinstance(scorer, RaceableScorer):
        return _race(scorer, codec, features, keep=keep, has_front=has_front, seed=seed)
    spread = Spread(lambda archs, _: scorer.score(archs)[:, None], codec)
    everywhere: ExactScorer[Arch] = ExactScorer(
        scorer.name, lambda archs: spread(archs, 0)[:, 0], higher_is_better=scorer.higher_is_better
    )
    return SpreadScorer(spread=spread, exact=everywhere, race=everywhere)


def _race(
    scorer: RaceableScorer,
    codec: Codec[Arch],
    features: Features[Arch],
    *,
    keep: int,
    has_front: bool,
    seed: int,
) -> SpreadScorer:
    """A race, or a single block that nobody is dropped from if ``--race-error`` is 0."""
    is_raced = scorer.race_error != 0 and not has_front
    count = scorer.num_sentences
    sizes = geometric_blocks(count) if is_raced else [count]
    spread = Spread(scorer.in_blocks(sizes, seed=seed), codec, neighbours=scorer.nearness)
    race = RacingScorer(
        spread,
        name=scorer.name,
        block_sizes=sizes,
        num_units=scorer.num_units,
        settings=RaceSettings(
            keep=keep,
            error=scorer.race_error if is_raced else 0.5,
            tolerance=scorer.race_tolerance,
        ),
        features=features,
    )
    return SpreadScorer(spread=spread, exact=race.exact, race=race)
