"""Training that costs simulated seconds: a table that charges for what it gives away.

An architecture is charged when it is first trained and never again, however often it is asked
for. (The notebook that this reproduces keeps one cached model in all, so that every sort of its
population charges every member again: 248 models for 5e8 s, where their training takes 5e5 s.)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic

import numpy as np
from numpy.typing import NDArray

from hat.benchmarks.base import A, Benchmark
from hat.errors import ConfigError, DataError, suggestion


@dataclass(frozen=True)
class Training:
    """One architecture that was paid for."""

    id: str
    finished_s: float
    """On the simulated clock."""

    value: float
    """The metric that the search sees."""


class SimulatedTraining(Generic[A]):
    """A scorer that trains by looking up, and keeps the bill.

    A training that begins before the budget is used up counts, as in the notebook; after that an
    architecture that was not trained before scores ``nan`` and costs nothing.
    """

    def __init__(
        self,
        benchmark: Benchmark[A],
        metric: str,
        *,
        budget_s: float,
        time_metric: str = "training_time",
        cost_s: float | None = None,
        epochs: int | None = None,
        seed: int | None = None,
    ) -> None:
        """Opens the account.

        Args:
            benchmark: the table.
            metric: what the search sees, such as ``validation_accuracy``.
            budget_s: simulated seconds of training.
            time_metric: the table's seconds of training.
            cost_s: the price of every architecture, for tables without times.
            epochs: length of training; ``None`` for the longest.
            seed: which training run the search sees and pays for; ``None`` for their mean.

        Raises:
            ConfigError: if the budget is not positive, the table lacks a metric or its times are
                no seconds.
        """
        if not budget_s > 0 or (cost_s is not None and not cost_s > 0):
            raise ConfigError(
                f"budget and cost must be positive seconds, but found {budget_s} and {cost_s}"
            )
        wanted = [metric, *([time_metric] if cost_s is None else [])]
        for name in wanted:
            if name not in benchmark.metrics:
                known = ", ".join(sorted(benchmark.metrics))
                raise ConfigError(
                    f"{benchmark.name} has no metric {name!r}"
                    + (suggestion(name, benchmark.metrics) or f"; it has {known}")
                    + ("" if name == metric else "; give every architecture one price instead")
                )
        unit = benchmark.metrics[time_metric].unit if cost_s is None else "s"
        if unit not in ("s", ""):  # columns of a file of one's own have none
            raise ConfigError(
                f"time_metric must be in seconds, but {time_metric!r} of {benchmark.name} is in "
                f"{unit}"
            )
        self.name = metric
        self.higher_is_better = benchmark.metrics[metric].higher_is_better
        self.budget_s = budget_s
        self.spent_s = 0.0
        self.trainings: list[Training] = []
        """Everything that was paid for, in order."""
        self.num_repeats = 0
        """How often something was asked for again."""
        self._benchmark = benchmark
        self._time_metric, self._cost_s = time_metric, cost_s
        self._epochs, self._seed = epochs, seed
        self._values: dict[str, float] = {}

    @property
    def is_exhausted(self) -> bool:
        """Whether the budget is used up."""
        return self.spent_s >= self.budget_s

    def score(self, archs: Sequence[A]) -> NDArray[np.float64]:
        """Trains N architectures one after another: float64 (N,).

        Raises:
            DataError: if the table lacks an architecture or its time.
        """
        return np.array([self._train(arch) for arch in archs], dtype=np.float64)

    def _train(self, arch: A) -> float:
        id = self._benchmark.id_of(arch)
        if id in self._values:
            self.num_repeats += 1
            return self._values[id]
        if self.is_exhausted:
            return float("nan")
        self.spent_s += self._price(id)
        value = self._benchmark.query(id, self.name, epochs=self._epochs, seed=self._seed)
        self._values[id] = value
        self.trainings.append(Training(id, self.spent_s, value))
        return value

    def _price(self, id: str) -> float:
        if self._cost_s is not None:
            return self._cost_s
        price = self._benchmark.query(id, self._time_metric, epochs=self._epochs, seed=self._seed)
        if not np.isfinite(price) or price < 0:
            raise DataError(
                f"{self._benchmark.name}: {self._time_metric} of {id} is {price}; expected seconds"
            )
        return price
