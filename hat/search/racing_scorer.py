"""A loss on a validation set as the scorer of a search, by racing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Generic

import numpy as np

from hat.arrays import Floats
from hat.search.arrays import array_from_json, array_to_json
from hat.search.base import A
from hat.search.prior import PriorModel
from hat.search.racing import RaceSettings, race

EvaluateBlock = Callable[[Sequence[A], int], Floats]
"""Losses (N, sentences) of N architectures on one block of the validation set."""

_MEMORY = 128
"""Architectures whose losses are remembered, because they tell what to expect of others."""


class ExactScorer(Generic[A]):
    """A function of architectures with a name: a score on the whole validation set."""

    def __init__(
        self,
        name: str,
        score: Callable[[Sequence[A]], Floats],
        *,
        higher_is_better: bool = False,
    ) -> None:
        """Args: name: of the score; score: does the work; higher_is_better: its direction."""
        self.name = name
        self.higher_is_better = higher_is_better
        self._score = score

    def score(self, archs: Sequence[A]) -> Floats:
        """Scores N architectures: float64 (N,)."""
        return self._score(archs)


class RacingScorer(Generic[A]):
    """Scores each population against itself and against the best of the search so far.

    The finalists of each race are scored on all sentences. The scores of other candidates may be
    estimates; these are never better than the finalists' scores. ``shares`` says on what part of
    the sentences a score rests. With a single block every score is exact.
    """

    higher_is_better = False

    def __init__(
        self,
        evaluate: EvaluateBlock[A],
        *,
        name: str,
        block_sizes: Sequence[int],
        num_units: float,
        settings: RaceSettings,
        features: Callable[[Sequence[A]], Floats],
    ) -> None:
        """Prepares the scoring.

        Args:
            evaluate: does the work.
            name: of the loss.
            block_sizes: sentences of each block.
            num_units: what the summed loss is divided by, such as tokens times ln 2.
            settings: when to stop scoring; ``tolerance`` is one of the score.
            features: numbers (N, D) of N architectures that tell what to expect of them.
        """
        self.name = name
        self.block_sizes = tuple(block_sizes)
        self.num_sentences = sum(block_sizes)
        self.sentences_scored = 0
        """Sentences times architectures so far."""
        self._evaluate = evaluate
        self._num_units = num_units
        self._settings = replace(settings, tolerance=settings.tolerance * num_units)
        self._shares: dict[A, float] = {}
        self._known = np.empty((0, self.num_sentences))
        """Losses on all sentences, best architecture first."""

        self._prior = PriorModel(features)

    def score(self, archs: Sequence[A]) -> Floats:
        """Races N architectures: float64 (N,)."""
        if not archs:
            return np.empty(0)
        # The first of a search are scored on everything: without them nothing can be expected.
        pilots = 0 if len(self._known) else min(len(archs), self._settings.keep)
        pilot_losses = self._full(archs[:pilots])
        self._remember(pilot_losses)
        racing = archs[pilots:]
        self._prior.observe(archs[:pilots], pilot_losses.sum(axis=1), np.zeros(pilots))
        is_raced = racing and len(self.block_sizes) > 1
        result = race(
            lambda indices, block: self._evaluate([racing[i] for i in indices], block),
            len(racing),
            block_sizes=self.block_sizes,
            known=self._known,
            settings=self._settings,
            prior=self._prior.predict(racing) if is_raced else None,
        )
        self._prior.observe(racing, result.observed, result.variance)
        self._remember(result.losses[result.num_seen == self.num_sentences])
        self.sentences_scored += int(result.num_seen.sum())
        shares = np.concatenate([np.ones(pilots), result.num_seen / self.num_sentences])
        self._shares.update(zip(archs, shares.tolist(), strict=True))
        totals = np.concatenate([pilot_losses.sum(axis=1), result.totals])
        return totals / self._num_units

    @property
    def exact(self) -> "ExactScorer[A]":
        """The same loss without a race."""
        return ExactScorer(self.name, lambda archs: self._full(archs).sum(axis=1) / self._num_units)

    def shares(self, archs: Sequence[A]) -> Floats:
        """The part of the validation set that the last score of each rests on: (N,)."""
        return np.array([self._shares.get(arch, np.nan) for arch in archs])

    def reset(self) -> None:
        """Begins another search: nobody is known yet."""
        self._known = np.empty((0, self.num_sentences))
        self._prior.reset()

    def state_dict(self) -> dict[str, Any]:
        """Returns what later races depend on, as JSON values."""
        return {"known": array_to_json(self._known), "prior": self._prior.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes up the search that ``state`` belongs to.

        Raises:
            ValueError: if it is the state of races on other sentences.
        """
        known = array_from_json(state["known"])
        if known.shape[1:] != (self.num_sentences,):
            raise ValueError(f"its races are on {known.shape[1:]} sentences")
        self._known = known
        self._prior.load_state_dict(state["prior"])

    def _remember(self, losses: Floats) -> None:
        """Keeps the best rows of those known so far and of ``losses``."""
        finite = losses[np.isfinite(losses).all(axis=1)]
        rows = np.concatenate([self._known, finite])
        order = np.argsort(rows.sum(axis=1), kind="stable")
        self._known = rows[order[:_MEMORY]]

    def _full(self, archs: Sequence[A]) -> Floats:
        if not archs:
            return np.empty((0, self.num_sentences))
        blocks = [self._evaluate(archs, block) for block in range(len(self.block_sizes))]
        self.sentences_scored += len(archs) * self.num_sentences
        return np.concatenate(blocks, axis=1)


def geometric_blocks(num_sentences: int, *, smallest: int = 32, growth: float = 1.5) -> list[int]:
    """Sizes of blocks such that each look sees ``growth`` times the sentences of the one before.

    Returns:
        Sizes that add up to ``num_sentences``; a single one if there are hardly more.
    """
    sizes: list[int] = []
    seen, goal = 0, float(smallest)
    while goal * growth <= num_sentences:
        sizes.append(int(goal) - seen)
        seen = int(goal)
        goal *= growth
    return [*sizes, num_sentences - seen]
