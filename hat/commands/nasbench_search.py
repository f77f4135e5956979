"""``hat nasbench-search``: search a benchmark on a budget of simulated training time.

    hat nasbench-search nasbench101:nasbench101.h5 --budget 1e6 --seeds 20 --out-dir runs/nb101
    hat nasbench-search nasbench201:nasbench201.csv.gz --search-metric cifar10_test_accuracy \
        --cost-per-model 1 --budget 300 --out-dir runs/nb201

Every algorithm searches on one metric (validation accuracy) and is reported by another (test
accuracy of its best so far, where the table has it). Training time is charged once per model.
"""

import argparse
import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from hat.benchmarks.base import TableBenchmark
from hat.benchmarks.load import benchmark_digest, load_benchmark
from hat.benchmarks.simulated import SimulatedTraining
from hat.cli.console import command, print_result
from hat.errors import ConfigError, suggestion
from hat.report.tables import text_table
from hat.scoring.graph_encoding import encoder_for
from hat.scoring.guides import guides
from hat.search.algorithms.aging_evolution import AgingEvolution, AgingEvolutionSettings
from hat.search.algorithms.evolution import Evolution
from hat.search.algorithms.generation import GenerationSettings
from hat.search.algorithms.guided_evolution import GuidedEvolution, GuidedEvolutionSettings
from hat.search.algorithms.local_search import LocalSearch
from hat.search.algorithms.nsga2 import NSGA2
from hat.search.algorithms.random_search import RandomSearch
from hat.search.algorithms.tournament_evolution import TournamentEvolution, TournamentSettings
from hat.search.base import SearchAlgorithm
from hat.search.loop import Search
from hat.search.proposer import Proposer
from hat.search.table_operators import in_table, part_features, table_operators
from hat.signature import signature
from hat.studies.nasbench_search_report import (
    SUMMARY,
    Run,
    by_algorithm,
    std,
    summary_line,
    write_report,
)

_MAX_TRIES = 1000
"""Candidates drawn for one that is new. In a sample of a benchmark some architectures have no
neighbours; a search that starts from one of those goes on by chance."""

Make = Callable[[Proposer[Any], TableBenchmark[Any], int], SearchAlgorithm[Any]]


def _guided(
    name: str, proposer: Proposer[Any], table: TableBenchmark[Any], size: int
) -> SearchAlgorithm[Any]:
    models = guides(part_features(table), encoder_for(table.arch(table.ids()[0])))
    settings = GuidedEvolutionSettings(
        start_size=size, parent_size=max(1, size // 5), pool_size=100, batch_size=10
    )
    return GuidedEvolution(proposer, models[name](), settings)


ALGORITHMS: dict[str, Make] = {
    "random": lambda proposer, _, __: RandomSearch(proposer, batch_size=1),
    "tournament": lambda proposer, _, size: TournamentEvolution(
        proposer,
        TournamentSettings(
            population_size=size, tournament_size=min(10, size), num_parents=min(2, size)
        ),
    ),
    "aging": lambda proposer, _, size: AgingEvolution(
        proposer, AgingEvolutionSettings(population_size=size, tournament_size=min(10, size))
    ),
    "evolution": lambda proposer, _, size: Evolution(
        proposer,
        GenerationSettings(
            population_size=size,
            parent_size=max(1, size // 5),
            mutation_size=size - max(1, size // 5),
            crossover_size=0,
        ),
    ),
    "local": lambda proposer, _, size: LocalSearch(proposer, start_size=size, batch_size=1),
    "guided": partial(_guided, "guided"),
    "guided-gcn": partial(_guided, "guided-gcn"),
    "nsga2": lambda proposer, _, size: NSGA2(proposer, population_size=size, batch_size=1),
}
"""Name -> a fresh algorithm from a proposer, the table and the population size."""

DEFAULT_ALGORITHMS = tuple(ALGORITHMS)[:6]
"""Those that take seconds; graph networks need more, and NSGA-II is for two objectives."""


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line; the last line printed is one line of JSON."""
    options = _parser().parse_args(argv)
    _check(options)
    table = load_benchmark(options.benchmark)
    reported = _report_metric(options, table)
    print(
        f"{table.name}: {len(table)} architectures; searched on {options.search_metric}, ", end=""
    )
    print(f"reported by {reported}; {options.seeds} seeds of {options.budget:g} simulated seconds")
    runs: list[Run] = []
    for name in options.algorithm or DEFAULT_ALGORITHMS:
        mine = [
            run_once(table, name, seed, reported, options)
            for seed in range(options.seed, options.seed + options.seeds)
        ]
        runs += mine
        print(text_table([mine], SUMMARY) if name == runs[0].algorithm else summary_line(mine))
    text = signature(
        benchmark=table.name,
        data=benchmark_digest(options.benchmark),
        size=len(table),
        algorithms="+".join(by_algorithm(runs)),
        metric=options.search_metric,
        report=reported,
        budget_s=f"{options.budget:g}",
        time=options.time_metric if options.cost_per_model is None else None,
        cost_s=None if options.cost_per_model is None else f"{options.cost_per_model:g}",
        epochs=options.epochs,
        training_run=options.training_run,
        seeds=f"{options.seed}..{options.seed + options.seeds - 1}",
        population=options.population_size,
    )
    files = write_report(
        options.out_dir,
        runs,
        table,
        reported=reported,
        budget_s=options.budget,
        seed=options.seed,
        signature=text,
    )
    print_result(
        {
            "report": str(files[0]),
            "algorithms": {
                name: {
                    "models": float(np.mean([run.num_models for run in mine])),
                    "reported_mean": float(np.mean([run.reported for run in mine])),
                    "reported_std": std([run.reported for run in mine]),
                }
                for name, mine in by_algorithm(runs).items()
            },
            "signature": text,
        }
    )


def run_once(
    table: TableBenchmark[Any],
    algorithm: str,
    seed: int,
    reported: str,
    options: argparse.Namespace,
) -> Run:
    """Searches until the simulated budget is spent or nothing is left to try."""
    training = SimulatedTraining(
        table,
        options.search_metric,
        budget_s=options.budget,
        time_metric=options.time_metric,
        cost_s=options.cost_per_model,
        epochs=options.epochs,
        seed=options.training_run,
    )
    operators = table_operators(table)
    # A key per algorithm, so that two algorithms do not begin with the same population.
    key = list(ALGORITHMS).index(algorithm)
    rng = np.random.default_rng((seed, key))
    proposer = Proposer(operators, rng, in_table(table), max_tries=_MAX_TRIES)
    search = Search(
        ALGORITHMS[algorithm](proposer, table, options.population_size),
        [training],
        codec=operators,
    )
    while not training.is_exhausted:
        done = search.rounds_done
        search.run(done + 1)
        if search.rounds_done == done:
            break
    sign = 1.0 if training.higher_is_better else -1.0
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


def _report_metric(options: argparse.Namespace, table: TableBenchmark[Any]) -> str:
    default = "test_accuracy" if "test_accuracy" in table.metrics else options.search_metric
    reported = str(options.report_metric or default)
    for flag, name in (("search", options.search_metric), ("report", reported)):
        if name not in table.metrics:
            known = ", ".join(sorted(table.metrics))
            raise ConfigError(
                f"--{flag}-metric: {table.name} has no metric {name!r}"
                + (suggestion(name, table.metrics) or f"; it has {known}")
            )
    return reported


def _check(options: argparse.Namespace) -> None:
    for name in options.algorithm or []:
        if name not in ALGORITHMS:
            raise ConfigError(
                f"--algorithm: unknown algorithm {name!r}"
                + (suggestion(name, ALGORITHMS) or f"; there are {', '.join(ALGORITHMS)}")
            )
    if options.seeds < 1 or options.population_size < 2:
        raise ConfigError(
            "--seeds must be at least 1 and --population-size at least 2, but found "
            f"{options.seeds} and {options.population_size}"
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hat nasbench-search",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("benchmark", metavar="KIND:PATH", help="such as nasbench101:nasbench101.h5")
    add("--out-dir", type=Path, required=True, help="for report.md, best_so_far.png, *.csv")
    add(
        "--algorithm",
        action="append",
        metavar="NAME",
        help=f"one of {', '.join(ALGORITHMS)}; may be repeated "
        f"(default: {', '.join(DEFAULT_ALGORITHMS)})",
    )
    add("--budget", type=float, default=1e6, help="simulated seconds per run (default: 1e6)")
    add("--seeds", type=int, default=20, help="runs per algorithm (default: 20)")
    add("--seed", type=int, default=0, help="the first of the seeds (default: 0)")
    add("--population-size", type=int, default=50, help="of the evolutions (default: 50)")
    add("--search-metric", default="validation_accuracy", metavar="METRIC")
    add(
        "--report-metric",
        metavar="METRIC",
        help="default: test_accuracy where the table has it, else the search metric",
    )
    add("--time-metric", default="training_time", metavar="METRIC")
    add("--cost-per-model", type=float, metavar="SECONDS", help="for tables without times")
    add("--epochs", type=int, help="length of training (default: the longest)")
    add(
        "--training-run",
        type=int,
        help="which training run the search sees (default: the mean of all)",
    )
    return parser
