import numpy as np
import pytest

from hat.arch.cell import random_cell
from hat.errors import ConfigError, DataError
from hat.scoring.graph_encoding import encode_cells
from hat.scoring.guides import guides
from hat.scoring.ridge import RidgeEnsemble

WEIGHTS = np.array([1.0, -2.0, 0.0, 3.0, 0.5, 0.0])


def linear(rows):
    return np.array(rows) @ WEIGHTS + 4


def test_recovers_a_linear_function(rng):
    known, queries = rng.normal(size=(200, 6)), rng.normal(size=(50, 6))
    ensemble = RidgeEnsemble(np.array, members=5)
    scores = np.append(linear(known), np.nan)
    ensemble.fit([*known, np.full(6, 1e6)], scores, rng=rng)
    found = ensemble.predict(list(queries))
    np.testing.assert_allclose(found.mean, linear(queries), atol=1e-2)
    assert found.std.max() < 1e-2


def test_doubts_where_the_members_disagree(rng):
    known = rng.normal(size=(30, 6))
    ensemble = RidgeEnsemble(np.array)
    ensemble.fit(list(known), linear(known) + rng.normal(size=30), rng=rng)
    near, far = ensemble.predict([np.zeros(6), np.full(6, 10.0)]).std
    assert far > 3 * near


def test_refuses_what_it_cannot_learn_from(rng):
    with pytest.raises(ConfigError, match="at least 1 member, but found 0"):
        RidgeEnsemble(np.array, members=0)
    with pytest.raises(DataError, match="must be trained before"):
        RidgeEnsemble(np.array).predict([])
    with pytest.raises(DataError, match="at least 1 architecture with a score"):
        RidgeEnsemble(np.array).fit([np.zeros(2)], np.array([np.nan]), rng=rng)


def test_guides_by_name(rng):
    cells = [random_cell(rng) for _ in range(10)]

    def features(some):
        return np.array([[cell.num_vertices, cell.num_edges] for cell in some], dtype=float)

    edges = features(cells)[:, 1]
    makers = guides(features, encode_cells)
    assert set(makers) == {"guided", "guided-gcn"}
    for make in makers.values():
        model = make()
        model.fit(cells, edges, rng=rng)
        assert np.corrcoef(model.predict(cells).mean, edges)[0, 1] > 0.9
