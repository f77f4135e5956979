import math

import numpy as np
import pytest
from scipy import stats

from hat.scoring.rank_stats import centred_ranks, mixed_ranks, rank_stats


@pytest.mark.parametrize("seed", range(5))
def test_equals_scipy_with_ties(seed):
    rng = np.random.default_rng(seed)
    scores, truth = rng.integers(5, size=(2, 40)).astype(float)
    found = rank_stats(scores, truth)
    assert found.kendall == pytest.approx(stats.kendalltau(scores, truth).statistic)
    assert found.spearman == pytest.approx(stats.spearmanr(scores, truth).statistic)
    assert (found.n, found.num_missing) == (40, 0)


def test_kendall_counts_pairs():
    # Of the 6 pairs, (3, 2) is the only one in the wrong order.
    assert rank_stats([1, 3, 2, 4], [1, 2, 3, 4]).kendall == pytest.approx(4 / 6)


@pytest.mark.parametrize(("scores_up", "truth_up"), [(True, False), (False, True)])
def test_directions(scores_up, truth_up):
    found = rank_stats(
        [1, 2, 3, 4],
        [40, 30, 20, 10],
        higher_is_better=scores_up,
        truth_higher_is_better=truth_up,
    )
    assert found.kendall == found.spearman == found.top_overlap == 1.0


def test_missing_values_are_left_out_and_counted():
    found = rank_stats([1, np.nan, 3, 4, np.inf], [1, 2, 3, np.nan, 5])
    assert (found.n, found.num_missing, found.kendall) == (2, 3, 1.0)


@pytest.mark.parametrize("scores", [[], [1.0], [2.0, 2.0, 2.0]])
def test_nothing_to_rank_is_nan(scores):
    found = rank_stats(scores, list(range(len(scores))))
    assert math.isnan(found.kendall) and math.isnan(found.spearman)


def test_top_overlap_does_not_depend_on_row_order():
    scores, truth = np.array([1, 1, 1, 1.0]), np.array([4, 3, 2, 1.0])
    assert rank_stats(scores, truth, top=2).top_overlap == pytest.approx(0.5)
    assert rank_stats([4, 3, 1, 2.0], truth, top=2).top_overlap == 1.0
    assert rank_stats([1, 2, 3, 4.0], truth, top=2).top_overlap == 0.0


def test_shapes_must_agree():
    with pytest.raises(ValueError, match=r"must be two \(N,\), but are \(2,\), \(3,\)"):
        rank_stats([1, 2], [1, 2, 3])


def test_ranks_are_centred_and_ties_share_theirs():
    ranks = centred_ranks(np.array([[3.0, 1.0, 2.0, 2.0], [5.0, 5.0, 5.0, 5.0]]))
    expected = stats.rankdata([3.0, 1.0, 2.0, 2.0]) - 2.5
    assert ranks[0] == pytest.approx(expected / expected.std())
    assert not ranks[1].any()


def test_mixed_ranks_are_among_those_that_have_all_scores():
    first, second = [1.0, 5.0, 3.0, math.nan, 2.0], [10.0, 30.0, 40.0, 99.0, 20.0]
    mixed = mixed_ranks((0.75, 0.25), first, second)
    assert math.isnan(mixed[3])
    ranks = centred_ranks([[1, 4, 3, 2], [1, 3, 4, 2]])
    assert mixed[[0, 1, 2, 4]] == pytest.approx(0.75 * ranks[0] + 0.25 * ranks[1])
    assert np.isnan(mixed_ranks((1.0, 1.0), [math.nan], [1.0])).all()
