"""A loss on a validation set as the scorer of a search, by racing."""

from collections.abc import Callable, Sequence
from typing import Generic

import numpy as np

from hat.search.base import A, Trial, ranked
from hat.search.racing import Floats, RaceSettings, race

EvaluateBlock = Callable[[Sequence[A], int], Floats]
"""Losses (N, sentences) of N architectures on one block of the validation set."""


class RacingScorer(Generic[A]):
    """Scores each population against itself and against the best of the search so far.

    The best ``keep`` architectures of a search are always scored on everything. What was dropped
    before gets an estimate, which is never better than the score of those; ``shares`` tells the
    two apart. With a single block nothing is dropped and every score is exact.
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
    ) -> None:
        """Prepares the scoring.

        Args:
            evaluate: does the work.
            name: of the loss.
            block_sizes: sentences of each block.
            num_units: what the summed loss is divided by, such as tokens times ln 2.
            settings: how many must be scored on everything, and how sure a drop must be.
        """
        self.name = name
        self.block_sizes = tuple(block_sizes)
        self.sentences_scored = 0
        """Sentences times architectures so far."""
        self._evaluate = evaluate
        self._num_units = num_units
        self._settings = settings
        self._shares: dict[A, float] = {}
        self.resume([])

    def score(self, archs: Sequence[A]) -> Floats:
        """Races N architectures: float64 (N,)."""
        if not archs:
            return np.empty(0)
        result = race(
            lambda indices, block: self._evaluate([archs[i] for i in indices], block),
            len(archs),
            block_sizes=self.block_sizes,
            rivals=self._rivals(),
            settings=self._settings,
        )
        self.sentences_scored += int(result.num_seen.sum())
        num_sentences = sum(self.block_sizes)
        self._shares.update(zip(archs, (result.num_seen / num_sentences).tolist(), strict=True))
        full = np.flatnonzero(result.num_seen == num_sentences)
        self._best += [(archs[int(i)], result.losses[i]) for i in full]
        totals = np.array([losses.sum() for _, losses in self._best])
        order = np.argsort(np.nan_to_num(totals, nan=np.inf), kind="stable")
        self._best = [self._best[int(i)] for i in order[: self._settings.keep]]
        return result.totals / self._num_units

    def score_fully(self, archs: Sequence[A]) -> Floats:
        """Scores N architectures on everything and lets none of them into the race: (N,)."""
        return self._full(archs).sum(axis=1) / self._num_units

    def shares(self, archs: Sequence[A]) -> Floats:
        """The part of the validation set that the last score of each rests on: (N,)."""
        return np.array([self._shares.get(arch, np.nan) for arch in archs])

    def resume(self, trials: Sequence[Trial[A]]) -> None:
        """Begins a search, or takes up one after ``trials``: its best are the ones to beat."""
        order = dict.fromkeys(trials[i].arch for i in ranked(trials))
        self._waiting = list(order)[: self._settings.keep]
        self._best: list[tuple[A, Floats]] = []

    def _rivals(self) -> Floats:
        """The losses of the best so far, (R, sentences); after a resume they are made anew."""
        if self._waiting:
            self._best = list(zip(self._waiting, self._full(self._waiting), strict=True))
            self._waiting = []
        rows = [losses for _, losses in self._best]
        return np.array(rows).reshape(len(rows), sum(self.block_sizes))

    def _full(self, archs: Sequence[A]) -> Floats:
        blocks = [self._evaluate(archs, block) for block in range(len(self.block_sizes))]
        self.sentences_scored += len(archs) * sum(self.block_sizes)
        return np.concatenate(blocks, axis=1)


def geometric_blocks(num_sentences: int, *, smallest: int = 32, growth: float = 2.0) -> list[int]:
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
