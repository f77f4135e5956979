"""A scorer that looks its scores up in a benchmark."""

from collections.abc import Sequence
from typing import Generic

import numpy as np
from numpy.typing import NDArray

from hat.benchmarks.base import A, Benchmark
from hat.errors import ConfigError, DataError, suggestion


class BenchmarkScorer(Generic[A]):
    """A metric of a benchmark; ``nan`` for architectures that its table does not hold."""

    def __init__(
        self,
        benchmark: Benchmark[A],
        metric: str,
        *,
        epochs: int | None = None,
        seed: int | None = None,
    ) -> None:
        """Args: benchmark, metric, epochs, seed: what to query; see ``Benchmark.query``.

        Raises:
            ConfigError: if the benchmark has no such metric.
        """
        if metric not in benchmark.metrics:
            raise ConfigError(
                f"{benchmark.name} has no metric {metric!r}{suggestion(metric, benchmark.metrics)}"
                f"; it has {sorted(benchmark.metrics)}"
            )
        self.name = metric
        self.higher_is_better = benchmark.metrics[metric].higher_is_better
        self._benchmark = benchmark
        self._epochs, self._seed = epochs, seed

    def score(self, archs: Sequence[A]) -> NDArray[np.float64]:
        """Queries N architectures: float64 (N,)."""
        return np.array([self._query(arch) for arch in archs], dtype=np.float64)

    def _query(self, arch: A) -> float:
        try:
            id = self._benchmark.id_of(arch)
        except DataError:
            return np.nan
        return self._benchmark.query(id, self.name, epochs=self._epochs, seed=self._seed)
