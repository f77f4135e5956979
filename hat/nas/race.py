"""The scorers of a search that cost something: raced, and spread over processes."""

import argparse
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hat.arch.config import SubTransformerConfig
from hat.scoring.base import Scorer
from hat.scoring.ridge import Features
from hat.scoring.spread import Spread
from hat.search.algorithms import ALGORITHMS
from hat.search.base import Codec, Objective
from hat.search.racing import RaceSettings
from hat.search.racing_scorer import ExactScorer, RacingScorer, geometric_blocks

if TYPE_CHECKING:
    from hat.scoring.inherited_loss import InheritedLoss

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
    args: argparse.Namespace, scorer: Scorer[Arch], codec: Codec[Arch], features: Features[Arch]
) -> SpreadScorer:
    """Spreads ``scorer`` over the processes there are, and races it if it is the inherited loss.

    Args:
        args: the options of the search.
        scorer: what to spread.
        codec: how architectures travel.
        features: numbers (N, D) of N architectures that a race learns from.
    """
    from hat.scoring.inherited_loss import InheritedLoss

    if isinstance(scorer, InheritedLoss):
        return _race(args, scorer, codec, features)
    spread = Spread(lambda archs, _: scorer.score(archs)[:, None], codec)
    everywhere: ExactScorer[Arch] = ExactScorer(
        scorer.name, lambda archs: spread(archs, 0)[:, 0], higher_is_better=scorer.higher_is_better
    )
    return SpreadScorer(spread=spread, exact=everywhere, race=everywhere)


def race_keep(args: argparse.Namespace) -> int:
    """Returns how many of the best a race must not drop: the parents, and who will be measured."""
    return int(max(args.parent_size, args.measure_finalists))


def _race(
    args: argparse.Namespace,
    loss: "InheritedLoss",
    codec: Codec[Arch],
    features: Features[Arch],
) -> SpreadScorer:
    """A race, or a single block that nobody is dropped from if ``--race-error`` is 0.

    Not raced are the losses of a front: who is hopeless for its loss may be the fastest of all.
    """
    from hat.scoring.batches import deal_into_blocks
    from hat.scoring.shared_encoder import layer_genes

    num_sentences = sum(len(batch.target) for batch in loss.batches)
    is_raced = args.race_error != 0 and ALGORITHMS.load(args.search_algorithm).num_objectives == 1
    sizes = geometric_blocks(num_sentences) if is_raced else [num_sentences]
    blocks = deal_into_blocks(
        loss.batches,
        sizes,
        padding_idx=loss.model.config.padding_idx,
        max_tokens=args.max_tokens_valid,
        rng=np.random.default_rng(args.seed),
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
            keep=race_keep(args),
            error=args.race_error if is_raced else 0.5,
            tolerance=args.race_tolerance,
        ),
        features=features,
    )
    return SpreadScorer(spread=spread, exact=race.exact, race=race)
