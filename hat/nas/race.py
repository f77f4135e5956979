"""The scorer of a search spread over processes and, where it can, raced."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hat.arch.config import SubTransformerConfig
from hat.nas.scorers.base import SearchScorer
from hat.scoring.ridge import Features
from hat.scoring.spread import Spread
from hat.search.base import Codec, Objective
from hat.search.racing import RaceSettings
from hat.search.racing_scorer import ExactScorer, RacingScorer, geometric_blocks

if TYPE_CHECKING:
    from hat.nas.scorers.inherited_loss import Loss

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
    """Spreads ``scorer`` over the processes there are, and races it if it is ``raceable``.

    Args:
        scorer: what to spread.
        codec: how architectures travel.
        features: numbers (N, D) of N architectures that a race learns from.
        keep: how many of the best a race must not drop.
        has_front: whether the search has further objectives. Then nobody is dropped: who is
            hopeless by one objective may be the best by another.
        seed: deals the sentences into blocks.
    """
    if scorer.raceable:
        return _race(scorer, codec, features, keep=keep, has_front=has_front, seed=seed)
    spread = Spread(lambda archs, _: scorer.score(archs)[:, None], codec)
    everywhere: ExactScorer[Arch] = ExactScorer(
        scorer.name, lambda archs: spread(archs, 0)[:, 0], higher_is_better=scorer.higher_is_better
    )
    return SpreadScorer(spread=spread, exact=everywhere, race=everywhere)


def _race(
    scorer: "Loss | Any",
    codec: Codec[Arch],
    features: Features[Arch],
    *,
    keep: int,
    has_front: bool,
    seed: int,
) -> SpreadScorer:
    """A race, or a single block that nobody is dropped from if ``--race-error`` is 0."""
    from hat.scoring.batches import deal_into_blocks
    from hat.scoring.shared_encoder import layer_genes

    loss, settings = scorer.loss, scorer.settings
    num_sentences = sum(len(batch.target) for batch in loss.batches)
    is_raced = settings.race_error != 0 and not has_front
    sizes = geometric_blocks(num_sentences) if is_raced else [num_sentences]
    blocks = deal_into_blocks(
        loss.batches,
        sizes,
        padding_idx=loss.model.config.padding_idx,
        max_tokens=scorer.max_tokens,
        rng=np.random.default_rng(seed),
        packed=next(loss.model.parameters()).dtype,
    )
    spread = Spread(
        lambda archs, block: loss.sentence_losses(archs, blocks[block]),
        codec,
        neighbours=lambda arch: layer_genes(arch.encoder),
    )
    race = RacingScorer(
        spread,
        name=loss.name,
        block_sizes=sizes,
        num_units=loss.num_tokens * math.log(2),
        settings=RaceSettings(
            keep=keep,
            error=settings.race_error if is_raced else 0.5,
            tolerance=settings.race_tolerance,
        ),
        features=features,
    )
    return SpreadScorer(spread=spread, exact=race.exact, race=race)
