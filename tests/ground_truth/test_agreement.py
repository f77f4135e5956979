import numpy as np
import pytest
from scipy.stats import kendalltau

from hat.ground_truth.agreement import (
    Replicate,
    estimate,
    regret,
    replicates,
    weighted_tau,
)
from hat.ground_truth.halving import halve


def test_with_equal_weights_it_is_the_usual_tau(rng: np.random.Generator) -> None:
    scores, truth = rng.integers(5, size=40).astype(float), rng.integers(9, size=40).astype(float)
    found = weighted_tau(scores, Replicate(np.ones(40), truth))
    assert found == pytest.approx(kendalltau(scores, truth).statistic)


def test_weights_count_as_copies(rng: np.random.Generator) -> None:
    scores, truth, copies = rng.normal(size=12), rng.normal(size=12), rng.integers(3, size=12)
    found = weighted_tau(scores, Replicate(copies.astype(float), truth))
    right = kendalltau(np.repeat(scores, copies), np.repeat(truth, copies)).statistic
    assert found == pytest.approx(right)


def test_only_some_pairs_may_count() -> None:
    depths = np.array([1, 1, 2, 2])
    scores, truth = np.array([1.0, 2, 3, 4]), np.array([4.0, 3, 6, 5])
    equal = depths[:, None] == depths[None, :]
    assert weighted_tau(scores, Replicate(np.ones(4), truth)) == pytest.approx(1 / 3)
    assert weighted_tau(scores, Replicate(np.ones(4), truth), equal) == -1
    assert np.isnan(weighted_tau(depths.astype(float), Replicate(np.ones(4), truth), equal))


def test_regret_is_what_the_choice_loses() -> None:
    truth, costs = np.array([10.0, 30, 20, 40]), np.array([1, 2, 2, 9])
    table = Replicate(np.ones(4), truth)
    assert regret(-costs.astype(float), table, costs <= 2) == 20
    assert regret(costs.astype(float), table, costs <= 2) == 5  # a tie of 30 and 20
    assert regret(truth, table, costs <= 9) == 0
    assert regret(truth, Replicate(np.array([1.0, 0, 1, 1]), truth), costs <= 2) == 0
    assert np.isnan(regret(truth, table, costs < 0))


def test_the_interval_covers_the_truth(rng: np.random.Generator) -> None:
    """Tables of 30 architectures: about 95 of 100 intervals hold the tau of a million."""
    noise, held = 1.0, 0
    right = 2 / np.pi * np.arcsin(1 / np.sqrt(1 + noise**2) / np.sqrt(1 + 0.1**2 / 3))
    for _ in range(40):
        truth = rng.normal(size=30)
        scores = truth + noise * rng.normal(size=30)
        trainings = [level + 0.1 * rng.normal(size=3) for level in truth]
        drawn = replicates(trainings, 80, rng=rng)
        found = estimate([weighted_tau(scores, replicate) for replicate in drawn])
        assert found.low <= found.value <= found.high
        held += found.low <= right <= found.high
    assert 32 <= held <= 40


def test_the_first_replicate_is_the_table_itself(rng: np.random.Generator) -> None:
    table, one = replicates([np.array([1.0, 3.0]), np.array([5.0])], 1, rng=rng)
    assert table.weights.tolist() == [1, 1] and table.truth.tolist() == [2, 5]
    assert one.weights.sum() == 2 and one.truth[0] in (1, 2, 3) and one.truth[1] == 5
    assert str(estimate([0.5, 0.4, 0.6, np.nan])).startswith("0.50 (0.4")
    assert str(estimate([np.nan, 0.4])) == "-"


def test_halving_drops_the_worse_half_at_every_rung() -> None:
    curves = np.array([[9.0, 5, 1], [8, 6, 2], [7, 7, 3], [6, 8, 0]])
    prices = np.array([3.0, 3, 3, 6])
    found = halve([0, 1, 2, 3], curves, prices, rungs=(1, 2, 3))
    # 3 and 2 are ahead at the first mark, 2 of them at the second; it goes on alone.
    assert found.chosen == 2
    assert found.cost == pytest.approx((15 + 9 + 3) / 3)
    assert halve([0, 1, 2, 3], curves, prices, rungs=(3,)).chosen == 3
    assert halve([1], curves, prices, rungs=(1, 3)).cost == 3


@pytest.mark.parametrize(
    ("candidates", "rungs"), [([], (1,)), ([0], (2, 1)), ([0], (4,)), ([0], (0,))]
)
def test_impossible_halvings_are_refused(candidates: list[int], rungs: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="candidates, rungs"):
        halve(candidates, np.ones((1, 3)), np.ones(1), rungs=rungs)
