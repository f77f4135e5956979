import numpy as np
import pytest

from hat.scoring.batch_spread import batch_spread


def test_figures_are_means_over_batches():
    truth = np.arange(30.0)
    given = np.tile([1.0, 2.0, 3.0], 10)
    found = batch_spread([truth, -truth], truth, given)
    assert (found.num_batches, found.coverage) == (2, 1.0)
    assert (found.spearman, found.spearman_deviation) == pytest.approx((0.0, 1.0))
    assert (found.spearman_least, found.spearman_greatest) == pytest.approx((-1.0, 1.0))
    assert (found.kendall, found.kendall_deviation) == pytest.approx((0.0, 1.0))
    assert (found.partial, found.partial_deviation) == pytest.approx((0.0, 1.0))


def test_coverage_counts_what_every_batch_scores():
    first, second = np.arange(10.0), np.arange(10.0)
    first[:2] = np.nan
    second[1:4] = np.nan
    assert batch_spread([first, second], np.arange(10), np.ones(10)).coverage == 0.6


def test_a_figure_that_does_not_exist_is_none():
    row = batch_spread([[np.nan] * 4], np.arange(4), np.arange(4)).as_row()
    assert (row["coverage"], row["spearman"], row["partial"]) == (0.0, None, None)
