import numpy as np
import pytest

from hat.benchmarks.base import Metric, TableBenchmark
from hat.benchmarks.simulated import SimulatedTraining
from hat.errors import ConfigError, DataError

METRICS = {
    "validation_accuracy": Metric("fraction", higher_is_better=True),
    "training_time": Metric("s", higher_is_better=False),
}


@pytest.fixture
def table():
    """Five architectures; architecture i takes 10 + i seconds in run 0 and 30 + i in run 1."""
    base = np.arange(5.0)
    times = np.stack([10 + base, 30 + base], axis=1)[:, None, :]
    accuracy = np.stack([base / 10, base / 20], axis=1)[:, None, :]
    return TableBenchmark(
        name="toy",
        ids=list("abcde"),
        arch_at="ABCDE".__getitem__,
        metrics=METRICS,
        values={"validation_accuracy": accuracy, "training_time": times},
        seeds=(0, 1),
    )


def training(table, **kwargs):
    return SimulatedTraining(table, "validation_accuracy", **{"budget_s": 1e9, "seed": 0, **kwargs})


def test_every_architecture_is_charged_once(table):
    account = training(table)
    population = list("ABC")
    for _ in range(100):  # as a search does that sorts its population in every round
        population.sort(key=lambda arch: account.score([arch])[0])
    account.score(["C", "C", "D", "A"])
    assert account.spent_s == 10 + 11 + 12 + 13
    assert [trained.id for trained in account.trainings] == list("abcd")
    assert account.num_repeats == 300 + 4 - 3 - 1


def test_the_clock_runs_in_the_order_of_training(table):
    account = training(table)
    np.testing.assert_allclose(account.score(["E", "A", "E"]), [0.4, 0.0, 0.4])
    assert [trained.finished_s for trained in account.trainings] == [14, 24]


def test_a_training_begun_in_time_counts_and_later_ones_are_free(table):
    account = training(table, budget_s=15)
    scores = account.score(list("ABCA"))
    np.testing.assert_array_equal(scores, [0.0, 0.1, np.nan, 0.0])
    assert account.is_exhausted and account.spent_s == 21
    assert np.isnan(account.score(["D"])[0]) and account.spent_s == 21


def test_one_training_run_or_their_mean(table):
    assert training(table, seed=1).score(["C"])[0] == pytest.approx(0.1)
    mean = training(table, seed=None)
    assert mean.score(["C"])[0] == pytest.approx(0.15)
    assert mean.spent_s == pytest.approx((12 + 32) / 2)


def test_one_price_for_all(table):
    account = training(table, cost_s=2.5)
    account.score(list("ABA"))
    assert account.spent_s == 5.0


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"budget_s": 0}, "budget and cost must be positive seconds, but found 0"),
        ({"cost_s": -1}, "must be positive seconds, but found .* -1"),
        ({"time_metric": "training_tim"}, "did you mean 'training_time'.*give every architecture"),
    ],
)
def test_bad_accounts(table, kwargs, message):
    with pytest.raises(ConfigError, match=message):
        training(table, **kwargs)


def test_a_missing_time_is_an_error():
    table = TableBenchmark(
        name="toy",
        ids=["a", "b"],
        arch_at="AB".__getitem__,
        metrics=METRICS,
        values={
            "validation_accuracy": np.array([0.5, 0.6]),
            "training_time": np.array([1.0, np.nan]),
        },
    )
    with pytest.raises(DataError, match="toy: training_time of b is nan; expected seconds"):
        training(table, seed=None).score(["B"])
