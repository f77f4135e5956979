"""Searches in a table: every algorithm, and random numbers that depend on its name alone."""

import itertools

import numpy as np
import pytest

from hat.arch.nb201_cell import Nb201Cell
from hat.benchmarks.base import Metric, TableBenchmark
from hat.errors import ConfigError
from hat.search.algorithms import ALGORITHMS
from hat.studies.nasbench_search import NasbenchSearchSettings, search_once, seed_key
from hat.studies.nasbench_search_report import step_values, write_report


@pytest.fixture(scope="module")
def table():
    """The 729 cells of three operations; their accuracy counts convolutions."""
    operations = ("none", "skip_connect", "nor_conv_3x3")
    cells = [Nb201Cell(choice) for choice in itertools.product(operations, repeat=6)]
    counts = [sum(op.startswith("nor_conv") for op in cell.operations) for cell in cells]
    quality = np.array(counts) / 7 + np.arange(len(cells)) / 1e5
    fraction = Metric("fraction", higher_is_better=True)
    return TableBenchmark(
        name="cells",
        ids=[str(cell) for cell in cells],
        arch_at=cells.__getitem__,
        id_of=str,
        metrics={
            "validation_accuracy": fraction,
            "test_accuracy": fraction,
            "training_time": Metric("s", higher_is_better=False),
        },
        values={
            "validation_accuracy": quality,
            "test_accuracy": quality - 0.01,
            "training_time": 100.0 + np.arange(len(cells)),
        },
    )


def settings(**values):
    return NasbenchSearchSettings(**{"budget": 8000.0, "population_size": 10, **values})


@pytest.mark.parametrize("name", [name for name in ALGORITHMS if name != "guided-gcn"])
def test_every_algorithm_spends_the_budget(name, table):
    run = search_once(table, name, 0, settings())
    # A training costs 100 to 828 s, and the last one may begin just before the end.
    assert 8000 <= run.spent_s < 8829
    assert 8000 / 829 <= run.num_models <= 8000 / 100 + 1
    assert run.reported == pytest.approx(run.searched - 0.01)
    again = search_once(table, name, 0, settings())
    np.testing.assert_array_equal(run.times_s, again.times_s)
    assert run.times_s[0] != search_once(table, name, 1, settings()).times_s[0]


def test_a_name_decides_the_random_numbers_and_published_ones_keep_theirs():
    published = ("random", "tournament", "aging", "evolution", "local", "guided", "guided-gcn")
    assert [seed_key(name) for name in (*published, "nsga2")] == list(range(8))
    assert seed_key("tabu") == seed_key("tabu") != seed_key("annealing")
    assert min(seed_key("tabu"), seed_key("annealing")) > 2**32
    assert len({seed_key(name) for name in ALGORITHMS}) == len(ALGORITHMS.names())


def test_searches_are_those_of_the_published_figures(table):
    """When the last training ended in version 0.1, which seeded by position and had own sizes."""
    published = {
        "random": 3085.0,
        "tournament": 3307.0,
        "aging": 3575.0,
        "evolution": 3383.0,
        "local": 3162.0,
        "guided": 3013.0,
        "nsga2": 3462.0,
    }
    found = {
        name: search_once(table, name, 3, settings(budget=3000.0)).spent_s for name in published
    }
    assert found == published


def test_a_verdict_does_not_depend_on_the_other_algorithms(table, tmp_path):
    runs = {
        name: [search_once(table, name, seed, settings(budget=3000.0)) for seed in range(5)]
        for name in ("random", "tournament", "aging")
    }

    def verdict(*names):
        write_report(
            tmp_path,
            [run for name in names for run in runs[name]],
            table,
            reported="test_accuracy",
            budget_s=3000.0,
            signature="",
        )
        lines = (tmp_path / "report.md").read_text().splitlines()
        return next(line for line in lines if line.startswith("- ") and "aging reached" in line)

    assert verdict("random", "tournament", "aging") == verdict("random", "aging")


def test_a_used_up_table_ends_the_search(table):
    assert search_once(table, "random", 0, settings(budget=1e9)).num_models >= 720


def test_signatures_hold_what_decides(table):
    known = settings().signature(table)
    for change in (
        {"budget": 7.0},
        {"cost_per_model": 1.0},
        {"epochs": 1},
        {"training_run": 0},
        {"report_metric": "validation_accuracy"},
        {"population_size": 11},
        {"seed": 5},
        {"algorithm": ("aging",)},
    ):
        assert settings(**change).signature(table) != known


def test_step_values_wait_for_the_first_training():
    grid = np.array([1.0, 2.0, 3.5, 9.0])
    found = step_values(np.array([2.0, 4.0]), np.array([0.5, 0.7]), grid)
    np.testing.assert_array_equal(found, [np.nan, 0.5, 0.5, 0.7])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"algorithm": ("ageing",)}, "unknown search algorithm 'ageing'; did you mean 'aging'"),
        ({"seeds": 0}, "seeds must be at least 1, but found 0"),
        ({"budget": -5.0}, "budget must be above 0, but found -5"),
        ({"cost_per_model": 0.0}, "cost-per-model must be above 0"),
        ({"population_size": 1}, "population-size must be at least 2"),
    ],
)
def test_wrong_settings(values, message):
    with pytest.raises(ConfigError, match=message):
        settings(**values)
