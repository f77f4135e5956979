"""Estimates of a total from a part of the sentences, and from features: close, and honest."""

import numpy as np
import pytest

from hat.search.estimates import Estimate, estimate_totals
from hat.search.prior import PriorModel

SENTENCES, SEEN = 400, 60


def losses_of(rng: np.random.Generator, count: int) -> np.ndarray:
    """A few patterns of hard sentences, and noise: (count, sentences)."""
    patterns = np.random.default_rng(0).gamma(4.0, 10.0, size=(6, SENTENCES))
    return (1 + rng.normal(0, 0.1, (count, 6))) @ patterns + rng.normal(0, 3.0, (count, SENTENCES))


@pytest.mark.parametrize("num_known", [0, 7, 8, 40])
def test_errors_are_as_large_as_they_say(num_known: int) -> None:
    rng = np.random.default_rng(1)
    ratios, errors = [], []
    for _ in range(20):
        known, table = losses_of(rng, num_known), losses_of(rng, 30)
        order = rng.permutation(SENTENCES)
        known, table = known[:, order], table[:, order]
        found = estimate_totals(table[:, :SEEN], known)
        errors.append(found.totals - table.sum(axis=1))
        ratios.append(errors[-1] / np.sqrt(found.variance))
    # The errors of candidates that were not learned for are alike, so these ratios vary more.
    assert 0.6 < np.std(ratios) < 1.5 if num_known < 8 else 0.8 < np.std(ratios) < 1.25


def test_known_architectures_sharpen_estimates() -> None:
    rng = np.random.default_rng(2)
    table, known = losses_of(rng, 30), losses_of(rng, 60)
    spread = [
        np.sqrt(np.mean(estimate_totals(table[:, :SEEN], known[:count]).variance))
        for count in (0, 10, 60)
    ]
    assert spread[2] < 0.7 * spread[1] < 0.7 * spread[0]


def test_architectures_that_are_all_alike_are_no_trouble() -> None:
    known = np.tile(np.arange(1.0, 21.0), (9, 1))
    found = estimate_totals(known[:2, :5], known)
    np.testing.assert_allclose(found.totals, 210.0)


def test_what_cannot_be_scored_says_nothing_of_others() -> None:
    rng = np.random.default_rng(3)
    table, known = losses_of(rng, 5), losses_of(rng, 20)
    alone = estimate_totals(table[1:, :SEEN], known)
    table[0] = np.nan
    found = estimate_totals(table[:, :SEEN], known)
    assert np.isnan(found.totals[0])
    np.testing.assert_allclose(found.totals[1:], alone.totals)


def features(archs: list[int]) -> np.ndarray:
    """Ten numbers of each architecture, always the same."""
    return np.array([np.random.default_rng(arch).normal(size=10) for arch in archs])


def totals_of(archs: list[int], unexplained: float = 0.3) -> np.ndarray:
    noise = np.array([np.random.default_rng([arch, 1]).normal() for arch in archs])
    return 50 + features(archs) @ np.arange(10) + unexplained * noise


def test_features_tell_what_to_expect_and_how_far_off_it_may_be() -> None:
    rng = np.random.default_rng(4)
    model: PriorModel[int] = PriorModel(features)
    seen, new = list(range(300)), list(range(300, 500))
    variances = rng.choice([0.0, 0.25, 4.0], size=len(seen))
    model.observe(seen, totals_of(seen) + rng.normal(size=300) * np.sqrt(variances), variances)
    prior = model.predict(new)
    assert prior is not None
    errors = prior.totals - totals_of(new)
    spread = np.sqrt(np.diag(prior.covariance))
    assert np.sqrt(np.mean(errors**2)) < 0.45  # 0.3 cannot be explained
    assert 0.8 < np.std(errors / spread) < 1.25


def test_too_few_observations_say_nothing() -> None:
    model: PriorModel[int] = PriorModel(features)
    assert model.predict([1]) is None
    model.observe([1, 2], totals_of([1, 2]), np.zeros(2))
    model.observe(list(range(40)), np.full(40, np.nan), np.zeros(40))
    assert model.predict([1]) is None


def test_the_better_known_of_the_two_counts_more() -> None:
    rng = np.random.default_rng(5)
    table, known = losses_of(rng, 3), losses_of(rng, 30)
    seen = estimate_totals(table[:, :SEEN], known)
    expected = seen.totals + 100.0
    everybody = np.arange(3)
    sure, unsure = (
        seen.combined(Estimate(expected, variance * np.eye(3)), everybody)
        for variance in (1e-6, 1e12)
    )
    np.testing.assert_allclose(sure.totals, expected)
    np.testing.assert_allclose(unsure.totals, seen.totals)
    np.testing.assert_allclose(unsure.variance, seen.variance, rtol=1e-4)
    assert (sure.variance <= 1e-6 * (1 + 1e-6)).all()
