import numpy as np
import pytest

from hat.benchmarks.zero_cost import TableSearch, ZeroCostSettings
from hat.errors import ConfigError

COUNT = 400
SMALL = ZeroCostSettings(num_models=60, pool_size=10, tournament_size=4, warmup=200)


@pytest.fixture
def line():
    """Architectures on a line; accuracy grows to the right."""
    accuracy = np.arange(COUNT, dtype=float)
    steps = np.stack([np.clip(np.arange(COUNT) + step, 0, COUNT - 1) for step in (-3, 1, 7)], 1)
    return accuracy, steps


SEARCHES = {
    "random": lambda search, rng: search.random_search(rng),
    "random warm": lambda search, rng: search.random_search(rng, warmup=True),
    "evolution": lambda search, rng: search.ageing_evolution(rng),
    "evolution warm": lambda search, rng: search.ageing_evolution(rng, warmup=True),
    "evolution moves": lambda search, rng: search.ageing_evolution(rng, moves=True),
}


@pytest.mark.parametrize("name", SEARCHES)
def test_curves_rise_and_are_seeded(line, name):
    accuracy, steps = line
    search = TableSearch(accuracy, accuracy, steps, SMALL)
    curves = [SEARCHES[name](search, np.random.default_rng(seed)) for seed in (0, 0, 1)]
    assert curves[0].shape == (60,)
    assert (np.diff(curves[0]) >= 0).all()
    assert (curves[0] == curves[1]).all()
    assert (curves[0] != curves[2]).any()


def test_a_perfect_score_warms_up_with_the_best(line):
    accuracy, steps = line
    search = TableSearch(accuracy, accuracy, steps, SMALL)
    rng = np.random.default_rng(0)
    candidates = np.random.default_rng(0).integers(COUNT, size=200)
    assert search.random_search(rng, warmup=True)[0] == candidates.max()


def test_missing_scores_come_last(line):
    accuracy, steps = line
    score = np.where(accuracy > 50, np.nan, accuracy)
    search = TableSearch(accuracy, score, steps, SMALL)
    assert search.random_search(np.random.default_rng(0), warmup=True)[0] <= 50


def test_moves_follow_the_score_and_not_the_accuracy(line):
    accuracy, steps = line
    search = TableSearch(accuracy, -accuracy, steps, SMALL)
    finals = {
        moves: np.mean(
            [search.ageing_evolution(np.random.default_rng(s), moves=moves)[-1] for s in range(20)]
        )
        for moves in (False, True)
    }
    assert finals[False] > finals[True]


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"tournament_size": 70}, "sizes must be 1 <= tournament <= pool <= models"),
        ({"warmup": 100}, r"must score at least as many .* trained \(300\), but found 100"),
    ],
)
def test_impossible_sizes(sizes, message):
    with pytest.raises(ConfigError, match=message):
        ZeroCostSettings(**sizes)
