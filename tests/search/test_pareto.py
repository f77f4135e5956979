import numpy as np
import pytest

from hat.search.base import SearchResult, Trial
from hat.search.pareto import hypervolumes, non_dominated


def brute_force(values):
    def dominates(a, b):
        return (a <= b).all() and (a < b).any()

    return [
        not np.isnan(row).any() and not any(dominates(other, row) for other in values)
        for row in values
    ]


@pytest.mark.parametrize("num_objectives", [1, 2, 3])
@pytest.mark.parametrize("seed", range(5))
def test_front_equals_brute_force_with_ties_and_nan(num_objectives, seed):
    rng = np.random.default_rng(seed)
    values = rng.integers(6, size=(60, num_objectives)).astype(float)
    values[rng.random(values.shape) < 0.05] = np.nan
    assert non_dominated(values).tolist() == brute_force(values)


def test_hypervolumes_are_shares_of_the_box_around_all_fronts():
    corner = np.array([[0.0, 10.0]])
    stairs = np.array([[0.0, 30.0], [1.0, 20.0], [2.0, 10.0], [2.0, 25.0], [np.nan, 0.0]])
    # the box is 2 wide and 20 high; of the stairs only the middle step dominates anything
    assert hypervolumes([corner, stairs]) == pytest.approx([1.0, 0.25])
    assert hypervolumes([stairs[:1], stairs[4:]])[1] == 0.0


def test_the_front_of_a_result_is_sorted_and_without_repeats():
    objectives = {"a": (1.0, 5.0), "b": (2.0, 2.0), "c": (3.0, 3.0), "d": (np.nan, 0.0)}
    trials = tuple(Trial(name, values, 0) for name, values in objectives.items())
    result = SearchResult(
        trials=trials[::-1] + trials,
        objective_names=("loss", "latency_ms"),
        higher_is_better=(False, False),
    )
    assert [trial.arch for trial in result.pareto_front()] == ["a", "b"]
