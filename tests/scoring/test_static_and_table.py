import numpy as np
import pytest

from hat.benchmarks.base import Metric, TableBenchmark
from hat.errors import ConfigError
from hat.scoring.static import config_that_holds, static_scorer, static_scorers
from hat.scoring.table import BenchmarkScorer


@pytest.fixture
def archs(tiny_space):
    return [tiny_space.smallest(), tiny_space.largest()]


@pytest.fixture
def config(archs):
    return config_that_holds(archs, qkv_dim=64)


def test_every_static_scorer_prefers_the_largest(archs, config):
    scorers = static_scorers(config, src_len=23)
    assert {"params", "flops"} <= scorers.keys()
    for name, scorer in scorers.items():
        small, large = scorer.score(archs)
        assert scorer.name == name and scorer.higher_is_better
        assert small < large


def test_depth_decides_before_parameters(tiny_space, rng, config):
    archs = [tiny_space.sample(rng) for _ in range(40)]
    scores = static_scorer("decoder_depth_then_params", config, src_len=23).score(archs)
    params = static_scorer("params", config, src_len=23).score(archs)
    order = np.argsort(scores)
    keys = [(archs[i].decoder.num_layers, params[i]) for i in order]
    assert keys == sorted(keys)


def test_unknown_static_scorer(config):
    with pytest.raises(ConfigError, match="unknown scorer 'parms'; did you mean 'params'"):
        static_scorer("parms", config, src_len=23)


def test_a_benchmark_is_a_scorer():
    table = TableBenchmark(
        name="toy",
        ids=["a", "b"],
        arch_at=["A", "B"].__getitem__,
        metrics={"error": Metric("fraction", higher_is_better=False)},
        values={"error": np.array([0.5, 0.25])},
    )
    scorer = BenchmarkScorer(table, "error")
    assert (scorer.name, scorer.higher_is_better) == ("error", False)
    np.testing.assert_array_equal(scorer.score(["B", "C", "A"]), [0.25, np.nan, 0.5])
    with pytest.raises(ConfigError, match="toy has no metric 'eror'; did you mean 'error'"):
        BenchmarkScorer(table, "eror")
