"""Choosing what to measure next, and when to stop: a new device in 20 to 100 measurements."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hat.arch.config import SubTransformerConfig
from hat.arch.space import SearchSpace
from hat.arrays import Floats
from hat.latency.choices import space_choices
from hat.latency.fit import fit_auto
from hat.latency.predictor import LatencyPredictor, Lesson
from hat.latency.predictors.basis import additive
from hat.latency.samples import LatencySample
from hat.latency.table import table_of_archs, table_of_samples

FIRST_ROWS = 16
MIN_STOP_ROWS = 20
POOL = 1000
_RIDGE = 1e-3


class UntilError:
    """A plan that measures where the linear model knows least, until its error is small enough.

    Half of each batch has the largest predictive variance ``x' (X'X + ridge)^-1 x`` under the rows
    so far, taken greedily (D-optimal design); the other half is drawn like the architectures that a
    search will meet, so that the cross-validated error stays an honest one.
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        target_percent: float,
        max_rows: int,
        batch: int,
        seed: int,
        prior: LatencyPredictor | None = None,
    ) -> None:
        """Args: target_percent: stop at this cross-validated mean absolute percentage error.

        space: where to choose from; max_rows: stop there in any case; batch: rows at a time;
        seed: draws the candidates; prior: a predictor of another device, from which the one whose
        error counts starts.
        """
        self.space = space
        self.target_percent = target_percent
        self.max_rows = max_rows
        self.batch = batch
        self.seed = seed
        self.prior = prior
        self.error_percent: float | None = None
        """Cross-validated error after the last batch; ``None`` before there was one."""

    def __call__(self, samples: Sequence[LatencySample]) -> list[SubTransformerConfig]:
        """Returns the next batch; empty when the target or the largest size is reached."""
        good = [sample for sample in samples if sample.trusted]
        if len(samples) >= self.max_rows:
            return []
        rng = np.random.default_rng((self.seed, len(samples)))
        if len(good) >= MIN_STOP_ROWS:
            self.error_percent = self._error(good)
            if self.error_percent <= self.target_percent:
                return []
        seen = {sample.arch for sample in samples}
        if not samples:
            first = [self.space.largest(), self.space.smallest()]
            count = min(FIRST_ROWS, self.max_rows)
        else:
            first, count = [], min(self.batch, self.max_rows - len(samples))
        drawn = dict.fromkeys(self.space.sample(rng) for _ in range(POOL))
        pool = [arch for arch in drawn if arch not in seen and arch not in first]
        measured = [arch for arch in seen if arch is not None] + first
        chosen = self._informative(measured, pool, (count - len(first)) // 2)
        taken = set(chosen)
        rest = [arch for arch in pool if arch not in taken]
        return (first + chosen + rest)[:count]

    def check(self, path: Path, samples: Sequence[LatencySample]) -> None:
        """Checks nothing: what comes next depends on the rows that are there."""

    def verdict(self) -> str | None:
        """Whether the target was reached, in words; None if there was no error to compare."""
        if self.error_percent is None:
            return None
        reached = "reached" if self.error_percent <= self.target_percent else "not reached"
        start = (
            "" if self.prior is None else f" of a predictor that starts from {self.prior.source}"
        )
        return (
            f"cross-validated error{start} {self.error_percent:.2f} %, "
            f"target {self.target_percent:g} % {reached}"
        )

    def _error(self, samples: Sequence[LatencySample]) -> float:
        table = table_of_samples(samples)
        latency_ms = np.array([sample.total_ms for sample in samples])
        lesson = Lesson.of(
            table,
            latency_ms,
            seed=self.seed,
            choices=space_choices(self.space),
            prior=self.prior,
        )
        # One kind, chosen beforehand: the best of several would look better than it is.
        fitted = fit_auto(lesson, kinds=["additive" if self.prior is None else "from-prior"])
        assert fitted.cv_error_percent is not None, "both kinds cross-validate"
        return fitted.cv_error_percent

    def _informative(
        self,
        measured: Sequence[SubTransformerConfig],
        pool: Sequence[SubTransformerConfig],
        count: int,
    ) -> list[SubTransformerConfig]:
        if count <= 0 or not pool:
            return []
        everything = self._columns([*measured, *pool])
        known, candidates = everything[: len(measured)], everything[len(measured) :]
        inverse = np.linalg.inv(known.T @ known + _RIDGE * np.eye(known.shape[1]))
        chosen: list[int] = []
        for _ in range(min(count, len(pool))):
            variance = np.einsum("np,pq,nq->n", candidates, inverse, candidates)
            variance[chosen] = -1.0
            best = int(np.argmax(variance))
            chosen.append(best)
            column = inverse @ candidates[best]
            inverse -= np.outer(column, column) / (1 + candidates[best] @ column)
        return [pool[index] for index in chosen]

    def _columns(self, archs: Sequence[SubTransformerConfig]) -> Floats:
        table = table_of_archs(archs, layers=False)
        main, _ = additive(table, table.features.max(axis=0), {})
        columns = np.stack(main, axis=1)
        # Relative errors count, and latency grows about like the depth of the decoder.
        return columns / (1 + table.features[:, 5])[:, None]
