import numpy as np
import pytest
from scipy import stats

from hat.scoring.proxy_stats import kendall_within, partial_kendall, partial_spearman, proxy_stats


def test_a_perfect_score():
    truth = np.arange(200.0)
    found = proxy_stats(truth**3, truth)
    assert (found.coverage, found.num_scored) == (1.0, 200)
    assert found.spearman == found.kendall == found.spearman_top == pytest.approx(1.0)
    assert found.top_overlap == 1.0
    assert found.top64 == 10  # the best twentieth of 200


def test_a_reversed_truth():
    truth = np.arange(200.0)
    found = proxy_stats(truth, truth, truth_higher_is_better=False)
    assert found.kendall == pytest.approx(-1.0)
    assert found.top_overlap == found.top64 == 0


def test_missing_scores_lower_the_coverage_only(rng):
    truth = rng.uniform(size=100)
    scores = truth.copy()
    scores[:25] = np.nan
    truth[-10:] = np.nan  # no truth: not counted at all
    found = proxy_stats(scores, truth)
    assert found.num_scored == 65
    assert found.coverage == pytest.approx(65 / 90)
    assert found.kendall == pytest.approx(1.0)


def test_nothing_scored():
    found = proxy_stats([np.nan] * 5, np.arange(5))
    assert found.coverage == 0.0
    assert np.isnan(found.spearman)
    assert found.as_row()["spearman"] is None


def test_agrees_with_scipy(rng):
    scores, truth = rng.uniform(size=(2, 300))
    found = proxy_stats(scores, truth)
    assert found.spearman == pytest.approx(stats.spearmanr(scores, truth).statistic)
    best = truth > np.percentile(truth, 90)
    assert found.kendall_top == pytest.approx(stats.kendalltau(scores[best], truth[best]).statistic)


def test_partial_correlation_removes_a_common_cause(rng):
    size = rng.uniform(size=2000)
    score, truth = size + 0.1 * rng.standard_normal((2, 2000))
    tau = stats.kendalltau(score, truth).statistic
    assert tau > 0.6
    assert abs(partial_kendall(score, truth, size)) < tau / 2
    own = score + truth - size
    assert partial_kendall(own, truth, size) > partial_kendall(score, truth, size)
    assert np.isnan(partial_kendall(size, truth, size))


def test_within_groups_only_equal_ones_are_compared():
    groups = [1, 1, 2, 2]
    assert kendall_within([1, 2, 4, 3], [1, 2, 9, 8], groups) == 1.0
    assert kendall_within([1, 2, 3, 4], [1, 2, 9, 8], groups) == 0.0
    assert np.isnan(kendall_within([1, 1, 2, 2], [1, 2, 9, 8], groups))


def test_partial_spearman_is_the_correlation_of_what_ranks_leave_unexplained(rng):
    scores, truth, given = rng.standard_normal((3, 60)) + rng.standard_normal(60)

    def rest(values):
        ranks = stats.rankdata(values)
        line = np.polyfit(stats.rankdata(given), ranks, 1)
        return ranks - np.polyval(line, stats.rankdata(given))

    expected = np.corrcoef(rest(scores), rest(truth))[0, 1]
    assert partial_spearman(scores, truth, given) == pytest.approx(expected)
    assert np.isnan(partial_spearman(given, truth, given))  # nothing is left


def test_partial_correlations_are_over_what_has_all_three(rng):
    scores, truth, given = rng.standard_normal((3, 40)) + rng.standard_normal(40)
    scores[:10] = np.nan
    for partial in (partial_kendall, partial_spearman):
        assert partial(scores, truth, given) == pytest.approx(
            partial(scores[10:], truth[10:], given[10:])
        )


def test_partial_correlation_with_two_things_held_fixed(rng):
    depth, size = rng.uniform(size=(2, 3000))
    noise = 0.3 * rng.standard_normal((2, 3000))
    score, truth = depth + size + noise
    assert partial_spearman(score, truth, depth) > 0.3  # the size is common to both
    assert abs(partial_spearman(score, truth, depth, size)) < 0.06
    # By the inverse of the correlations of the ranks, another way to the same number.
    precision = np.linalg.inv(np.corrcoef(stats.rankdata([score, truth, depth, size], axis=1)))
    expected = -precision[0, 1] / np.sqrt(precision[0, 0] * precision[1, 1])
    assert partial_spearman(score, truth, depth, size) == pytest.approx(expected)
    assert np.isnan(partial_spearman(depth, truth, depth, size))
    assert np.isnan(partial_spearman(np.ones(3000), truth, depth))
