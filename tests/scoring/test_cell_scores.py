import numpy as np
import pytest

from hat.arch.cell import CellGraph, random_cell
from hat.benchmarks.images import photograph_crops
from hat.scoring import cell_scores
from hat.scoring.cell_scores import Nb101Scores, mean_over_batches, score_nb101


def cell_of(*operations, edges):
    size = len(operations) + 2
    adjacency = [[int((v, w) in edges) for w in range(size)] for v in range(size)]
    return CellGraph.from_lists(adjacency, ("input", *operations, "output"))


CONV, POOL = "conv3x3-bn-relu", "maxpool3x3"


def test_the_constants_are_those_of_the_authors():
    assert cell_scores.IMAGE_WEIGHTS == (1e-7, 1.0)
    assert cell_scores.NB101_WEIGHTS == (1e-4, 10.0)
    assert cell_scores.RECURRENT_WEIGHTS == (1e-5, 1e-3)


@pytest.mark.parametrize(
    ("cell", "published"),
    [
        (cell_of(CONV, edges={(0, 1), (1, 2), (0, 2)}), True),
        (cell_of(POOL, edges={(0, 1), (1, 2)}), True),
        (cell_of(POOL, CONV, edges={(0, 1), (1, 3), (0, 2), (2, 3)}), True),
        (cell_of(CONV, edges={(0, 1), (1, 2)}), False),
        (cell_of(POOL, CONV, edges={(0, 1), (1, 2), (2, 3)}), False),
        (cell_of(*5 * [CONV], edges={(v, v + 1) for v in range(6)}), False),
    ],
)
def test_the_published_score_needs_a_path_without_convolutions(rng, cell, published):
    scores = score_nb101([cell], photograph_crops(8, rng))
    assert np.isfinite(scores.published).tolist() == [published]
    assert np.isfinite(scores.all_cells[0])


def test_every_cell_has_a_score(rng):
    """About 42 % have the published one: 2,120 of the authors' first 5,000."""
    cells = [random_cell(rng) for _ in range(40)]
    scores = score_nb101(cells, photograph_crops(4, rng))
    assert np.isfinite(scores.all_cells).all()
    assert 0 < np.isfinite(scores.published).sum() < 40


def test_the_mean_over_batches_needs_every_batch():
    first = Nb101Scores(published=np.array([1.0, np.nan, 3.0]), all_cells=np.array([1.0, 2.0, 3.0]))
    second = Nb101Scores(published=np.array([2.0, 2.0, 5.0]), all_cells=np.array([2.0, 4.0, 6.0]))
    mean = mean_over_batches([first, second])
    np.testing.assert_array_equal(mean.published, [1.5, np.nan, 4.0])
    np.testing.assert_array_equal(mean.all_cells, [1.5, 3.0, 4.5])
