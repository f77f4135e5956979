import numpy as np
import pytest

from hat.errors import ConfigError
from hat.scoring.splits import EXAMPLES, split_indices

SCORES = np.append(np.linspace(0.7, 0.95, 1000), np.nan)


def draw(name, seed=0):
    return split_indices(name, SCORES, np.random.default_rng(seed))


def test_sizes_and_thresholds():
    assert len(draw("172")) == len(set(draw("172"))) == 172
    assert draw("334")[:172].tolist() == draw("172").tolist()
    assert draw("172", seed=1).tolist() != draw("172").tolist()
    assert (SCORES[draw("91-172")] >= 0.91).all()
    assert set(draw("91-172")) == {i for i in draw("172") if SCORES[i] >= 0.91}
    assert draw("denoise-80").tolist() == np.flatnonzero(SCORES >= 0.8).tolist()
    assert len(draw("all")) == 1001
    assert 1000 not in draw("860")
    assert all(len(draw(name)) for name in EXAMPLES)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("denoise91", "there is no split 'denoise91'; did you mean 'denoise-91'"),
        ("0", "there is no split '0'"),
        ("2000", "split 2000 needs 2000 architectures, but the table has 1000"),
        ("denoise-99", "split denoise-99 is empty: no architecture scores that high"),
    ],
)
def test_splits_that_do_not_exist(name, message):
    with pytest.raises(ConfigError, match=message):
        draw(name)
