"""Searches of a benchmark on a budget of simulated training time.

Every algorithm searches on one metric (validation accuracy) and is reported by another (test
accuracy of its best so far, where the table has it). Training time is charged once per model.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any

import numpy as np

from hat.benchmarks.base import TableBenchmark
from hat.benchmarks.simulated import SimulatedTraining
from hat.conditions import bytes_digest
from hat.errors import ConfigError, SearchError, suggestion
from hat.scoring.graph_encoding import encoder_for
from hat.scoring.guides import guides
from hat.search.algorithms import ALGORITHMS
from hat.search.algorithms.generation import GenerationSettings, Ingredients
from hat.search.loop import Search
from hat.search.proposer import Proposer
from hat.search.table_operators import in_table, part_features, table_operators
from hat.settings import REPEATED, Above, AtLeast, AtMost, Settings, Shown
from hat.studies.nasbench_search_report import Run

_MAX_TRIES = 1000
"""Candidates drawn for one that is new. In a sample of a benchmark some architectures have no
neighbours; a search that starts from one of those goes on by chance."""

_DEFAULT = ("random", "tournament", "aging", "evolution", "local", "guided")
"""Those that take seconds; graph networks need more, and NSGA-II is for two objectives."""

_SEED_KEYS = {"random": 0, "tournament": 1, "aging": 2, "evolution": 3, "local": 4, "guided": 5}
_SEED_KEYS |= {"guided-gcn": 6, "nsga2": 7}
"""The keys of the algorithms with published results; see ``seed_key``."""


@dataclass(frozen=True, kw_only=True)
class NasbenchSearchSettings(Settings):
    """What is searched for, by what, and at which price."""

    algorithm: Annotated[tuple[str, ...], REPEATED, Shown("NAME")] = ()
    """a search algorithm; may be repeated (default: random, tournament, aging, evolution, local
    and guided)."""

    budget: Annotated[float, Above(0)] = 1e6
    """simulated seconds of training per run"""

    seeds: Annotated[int, AtLeast(1), AtMost(100_000)] = 20
    """runs per algorithm"""

    seed: Annotated[int, AtLeast(0)] = 0
    """seed of the first run; the others follow it"""

    population_size: Annotated[int, AtLeast(2), AtMost(1_000_000)] = 50
    """architectures that the evolutionary algorithms keep"""

    search_metric: Annotated[str, Shown("METRIC")] = "validation_accuracy"
    """metric that the searches see"""

    report_metric: Annotated[str | None, Shown("METRIC")] = None
    """metric of the best architecture that is reported (default: test_accuracy where the table has
    it, else the search metric)"""

    time_metric: Annotated[str, Shown("METRIC")] = "training_time"
    """metric with the seconds of a training"""

    cost_per_model: Annotated[float | None, Above(0), Shown("SECONDS")] = None
    """what a training costs where the table has no times"""

    epochs: Annotated[int | None, AtLeast(1)] = None
    """length of training (default: the longest)"""

    training_run: Annotated[int | None, AtLeast(0)] = None
    """which training run the search sees (default: the mean of all)"""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in self.algorithm:
            ALGORITHMS.load(name)
        if self.cost_per_model is not None and self.time_metric != "training_time":
            raise ConfigError("give --time-metric or --cost-per-model, not both")

    @property
    def algorithms(self) -> tuple[str, ...]:
        """The names of the algorithms that search."""
        return self.algorithm or _DEFAULT

    def reported(self, table: TableBenchmark[Any]) -> str:
        """Returns the metric that is reported.

        Raises:
            ConfigError: if the table lacks it or the one that the searches see.
        """
        default = "test_accuracy" if "test_accuracy" in table.metrics else self.search_metric
        reported = self.report_metric or default
        for flag, name in (("search", self.search_metric), ("report", reported)):
            if name not in table.metrics:
                known = ", ".join(sorted(table.metrics))
                raise ConfigError(
                    f"--{flag}-metric: {table.name} has no metric {name!r}"
                    + (suggestion(name, table.metrics) or f"; it has {known}")
                )
        return reported

    def signature(self, table: TableBenchmark[Any]) -> dict[str, Any]:
        """Returns everything that decides the outcome of searches in ``table``."""
        price = self.cost_per_model
        return {
            **table.signature(),
            "size": len(table),
            "algorithms": "+".join(dict.fromkeys(self.algorithms)),
            "metric": self.search_metric,
            "report": self.reported(table),
            "budget_s": f"{self.budget:g}",
            "time": self.time_metric if price is None else None,
            "cost_s": None if price is None else f"{price:g}",
            "epochs": self.epochs,
            "training_run": self.training_run,
            "seeds": f"{self.seed}..{self.seed + self.seeds - 1}",
            "population": self.population_size,
        }


def seed_key(algorithm: str) -> int:
    """Returns the number that keeps the random numbers of one algorithm apart from another's.

    With it two algorithms do not begin with the same population. It depends on the name alone, so
    that a new algorithm changes nothing about the results of those that were there before.
    """
    if algorithm in _SEED_KEYS:
        return _SEED_KEYS[algorithm]
    return int(bytes_digest(algorithm.encode()), 16)


def search_once(
    table: TableBenchmark[Any], algorithm: str, seed: int, settings: NasbenchSearchSettings
) -> Run:
    """Searches until the simulated budget is spent or nothing is left to try.

    Raises:
        ConfigError: if there is no such algorithm, or the table lacks a metric.
    """
    training = SimulatedTraining(
        table,
        settings.search_metric,
        budget_s=settings.budget,
        time_metric=settings.time_metric,
        cost_s=settings.cost_per_model,
        epochs=settings.epochs,
        seed=settings.training_run,
    )
    operators = table_operators(table)
    rng = np.random.default_rng((seed, seed_key(algorithm)))
    proposer = Proposer(operators, rng, in_table(table), max_tries=_MAX_TRIES)
    search = Search(
        _algorithm(algorithm, table, proposer, settings.population_size),
        [training],
        codec=operators,
    )
    while not training.is_exhausted:
        done = search.rounds_done
        search.run(done + 1)
        if search.rounds_done == done:
            break
    first_s = training.trainings[0].finished_s if training.trainings else math.inf
    if first_s > settings.budget:
        raise SearchError(
            f"a budget of {settings.budget:g} s ends before the first training, which takes "
            f"{first_s:g} s"
        )
    sign = 1.0 if training.higher_is_better else -1.0
    reported = settings.reported(table)
    best, incumbents = -math.inf, []
    best_id = ""
    for trained in training.trainings:
        if sign * trained.value > best:
            best, best_id = sign * trained.value, trained.id
        incumbents.append(table.query(best_id, reported) if best_id else math.nan)
    return Run(
        algorithm=algorithm,
        seed=seed,
        num_models=len(training.trainings),
        num_collisions=proposer.num_collisions,
        spent_s=training.spent_s,
        best_id=best_id,
        searched=sign * best,
        reported=incumbents[-1],
        times_s=np.array([trained.finished_s for trained in training.trainings]),
        incumbents=np.array(incumbents),
    )


def _algorithm(name: str, table: TableBenchmark[Any], proposer: Proposer[Any], size: int) -> Any:
    """A fresh algorithm whose rounds are as small as it allows: each training is dear."""
    part = ALGORITHMS.load(name)
    # Made when a guided algorithm asks: it takes a while, and not every table can be encoded.
    features = cache(lambda: part_features(table))
    makers: Mapping[str, Any] = guides(
        lambda archs: features()(archs),
        lambda archs: encoder_for(table.arch(table.ids()[0]))(archs),
    )
    ingredients = Ingredients(proposer=proposer, guides=makers, round_size=part.least_round)
    return part.build(GenerationSettings.of_one_size(size), ingredients)
