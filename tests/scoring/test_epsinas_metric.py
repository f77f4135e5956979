import warnings

import numpy as np
import pytest

from hat.scoring.epsinas import (
    AS_PUBLISHED,
    FLOAT32_SMALLEST,
    ScoringRule,
    epsinas,
    epsinas_beside_input,
    magnitude_and_spread,
    normalised,
)

NAN, INF = np.nan, np.inf


def notebook(low, high):
    """The authors' notebook, step by step, for one network."""
    predictions = []
    for output in (low, high):
        output = np.array(output, float)
        output[np.isinf(output)] = np.nan
        smallest, largest = np.nanmin(output), np.nanmax(output)
        predictions.append((output - smallest) / (largest - smallest))
    both = np.array(predictions)
    both[both == 0] = np.nan
    return np.nanmean(np.abs(both[0] - both[1])) / np.nanmean(both)


def test_it_is_the_notebooks_formula(rng):
    for _ in range(50):
        low, high = rng.standard_normal((2, 40))
        high[rng.integers(40, size=3)] = rng.choice([NAN, INF, -INF], size=3)
        assert epsinas(low, high) == pytest.approx(notebook(low, high), rel=1e-13)


def test_by_hand():
    # Scaled: 0, 1/2, 1 and 0, 1/4, 1. The zeros go: |1/2 - 1/4| and 0; mean of 1/2, 1, 1/4, 1.
    assert epsinas([0, 1, 2], [0, 1, 4]) == pytest.approx((0.25 / 2) / (2.75 / 4))


def test_a_minimum_counts_in_the_mean_but_not_in_the_difference():
    # The places of the minima differ: one pair of numbers is left, three numbers in the mean.
    assert epsinas([0, 2, 1], [4, 0, 1]) == pytest.approx(
        abs(0.5 - 0.25) / np.mean([1, 0.5, 1, 0.25])
    )


def test_scale_and_offset_do_not_matter(rng):
    low, high = rng.uniform(size=(2, 30))
    assert epsinas(low, high) == pytest.approx(epsinas(7 * low - 3, 1e-9 * high), rel=1e-6)
    assert epsinas(low, low) == 0.0


@pytest.mark.parametrize(
    ("low", "high"),
    [
        ([1, 1, 1], [0, 1, 2]),  # a constant output
        ([0, 0, 0], [0, 1, 2]),  # a dead network
        ([NAN, NAN, NAN], [0, 1, 2]),
        ([INF, -INF, NAN], [0, 1, 2]),
        ([INF, 1, NAN], [0, 1, 2]),  # one finite value is a constant
        ([0, 1, NAN], [0, NAN, 1]),  # nothing that both have
    ],
)
def test_what_cannot_be_scored_is_nan_without_a_warning(low, high):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for pair in ((low, high), (high, low)):
            assert np.isnan(epsinas(*pair, ScoringRule()))
            assert np.isnan(epsinas(*pair, AS_PUBLISHED))


def test_infinities_are_missing_values():
    assert epsinas([0, 1, 2, INF], [0, 1, 4, 3]) == epsinas([0, 1, 2, NAN], [0, 1, 4, 3])


def test_networks_are_scored_in_batches(rng):
    low, high = rng.standard_normal((2, 5, 20))
    low[2] = 1.0
    scores = epsinas(low, high)
    assert scores.shape == (5,)
    assert np.isnan(scores[2])
    assert scores[4] == epsinas(low[4], high[4])


def test_the_rule_of_magnitude_is_that_of_float32():
    signal = np.array([1.0, 2.0, 3.0])
    assert np.isfinite(epsinas(signal * FLOAT32_SMALLEST, signal, ScoringRule()))
    assert np.isnan(epsinas(signal * FLOAT32_SMALLEST / 4, signal, ScoringRule()))
    assert np.isfinite(epsinas(signal * 1e-160, signal, ScoringRule(min_magnitude=0.0)))


def test_the_rule_of_spread_refuses_noise():
    noise = 1.0 + 1e-14 * np.arange(4)
    assert np.isnan(epsinas(noise, np.arange(4.0), ScoringRule()))
    assert np.isfinite(epsinas(noise, np.arange(4.0), AS_PUBLISHED))


def test_rounding_does_not_decide_how_many_values_are_the_smallest():
    exact = np.array([1.0, 1.0, 1.0, 2.0, 3.0])
    rounded = exact + np.array([0.0, 2e-16, -2e-16, 0.0, 0.0])
    other = np.array([0.0, 1.0, 5.0, 2.0, 4.0])
    assert epsinas(rounded, other, ScoringRule()) == pytest.approx(
        epsinas(exact, other, ScoringRule()), rel=1e-12
    )
    assert epsinas(exact, other, ScoringRule()) == epsinas(exact, other, AS_PUBLISHED)
    assert epsinas(rounded, other, AS_PUBLISHED) != pytest.approx(
        epsinas(exact, other, AS_PUBLISHED), rel=1e-2
    )


def test_normalised_and_spread():
    np.testing.assert_array_equal(normalised([2.0, 4.0, INF, 3.0]), [NAN, 1.0, NAN, 0.5])
    largest, spread = magnitude_and_spread([-3.0, 1.0, NAN])
    assert (largest, spread) == (3.0, 4.0)


def test_rules_are_printed_for_signatures():
    assert str(ScoringRule()) == "1.4e-45,1e-12"


def test_beside_the_input_is_the_mean_of_two_comparisons(rng):
    low, high = rng.uniform(size=(2, 3, 20))
    unchanged = rng.uniform(size=20)
    found = epsinas_beside_input(low, high, unchanged)
    expected = [(epsinas(a, b) + epsinas(unchanged, b)) / 2 for a, b in zip(low, high, strict=True)]
    np.testing.assert_allclose(found, expected)


def test_beside_the_input_what_float32_cannot_hold_counts(rng):
    low, high, unchanged = rng.uniform(size=(3, 20))
    expected = epsinas_beside_input(low, high, unchanged)
    assert epsinas_beside_input(1e-200 * low, high, unchanged) == pytest.approx(expected)
    # Below this float64 loses digits, and a constant has nothing to compare.
    assert np.isnan(epsinas_beside_input(1e-300 * low, high, unchanged))
    assert np.isnan(epsinas_beside_input(low, np.ones(20), unchanged))
