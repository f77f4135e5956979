"""The statistics of ``bench/epsinas_mixtures.py`` find what is there and nothing else."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import kendalltau

from bench.mixtures import (
    Table,
    cross_fitted,
    figures,
    learnt_weights,
    study,
    transferred_weights,
)
from hat.scoring.rank_stats import centred_ranks

COUNT = 60


def table_of(rng, truth, score, count, *, source="a", batches=1):
    return Table(
        family="f",
        source=source,
        name=source,
        scores=np.tile(score, (batches, 1)),
        count=count,
        truth=truth,
        fixed=count[None],
    )


@pytest.fixture
def parts(rng):
    """A truth that is the sum of two things, each known to one score."""
    own, size = rng.standard_normal((2, COUNT))
    return own + size, own, size


def test_weights_say_which_column_counts(rng, parts):
    truth, own, size = parts
    pair = centred_ranks(np.array([own, size]))
    assert learnt_weights(pair, own) == pytest.approx([1.0, 0.0], abs=1e-9)
    assert learnt_weights(pair, -size) == pytest.approx([0.0, -1.0], abs=1e-9)
    assert learnt_weights(pair, truth) == pytest.approx([0.5, 0.5], abs=0.1)
    assert learnt_weights(pair, np.ones(COUNT)) == pytest.approx([0.5, 0.5])  # nothing to learn


def test_no_architecture_judges_the_weights_that_it_taught(rng):
    """Of noise, cross-fitting learns nothing, although copies of an architecture stand there."""
    taus = []
    for _ in range(40):
        pair = centred_ranks(rng.standard_normal((2, 20)))
        truth = rng.standard_normal(20)
        rows = rng.integers(20, size=40)
        mixed = cross_fitted(pair[:, rows], truth[rows], rows, rng)
        first = np.unique(rows, return_index=True)[1]
        assert mixed[first][np.searchsorted(np.unique(rows), rows)] == pytest.approx(mixed)
        taus.append(kendalltau(mixed, truth[rows]).statistic)
    assert np.mean(taus) < 0.05


def test_what_a_mixture_gains_is_found(rng, parts):
    truth, own, size = parts
    both = table_of(rng, truth, own, size, batches=2)
    found = study(both, [both], resamples=200, comparisons={"gain": 2}, rng=rng)
    assert found["gain equal"].beats_zero and found["gain cross-fitted"].beats_zero
    assert "gain transferred" not in found  # nobody else could teach
    assert found["partial"].interval[0] > 0.5
    low, high = found["gain equal"].interval
    assert found["gain equal"].strict[0] < low < found["gain equal"].value < high
    useless = replace(both, scores=rng.standard_normal((2, COUNT)))
    found = study(useless, [useless], resamples=200, comparisons={}, rng=rng)
    assert not found["gain equal"].beats_zero
    assert found["gain equal"].value < 0
    assert found["partial"].interval[0] < 0.1


def test_weights_are_taught_by_other_sources_only(rng, parts):
    truth, own, size = parts
    tables = [table_of(rng, truth, own, size, source=name) for name in "ab"]
    tables[1] = replace(tables[1], truth=size)
    assert transferred_weights(tables[0], tables) == pytest.approx([0.0, 1.0], abs=1e-9)
    assert transferred_weights(tables[0], tables[:1]) is None
    stranger = replace(tables[1], family="g")
    assert transferred_weights(tables[0], [tables[0], stranger]) is None
    rows = np.arange(COUNT)
    found = figures(tables[0], np.array([0.0, 1.0]), rows, 0, 1, rng)
    assert found["transferred"] == pytest.approx(found["count"])
    assert found["gain transferred"] == pytest.approx(
        found["count"] - max(found["count"], found["epsinas"])
    )
