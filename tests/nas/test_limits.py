import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hat.arch.config import SubTransformerConfig
from hat.arch.space import SearchSpace
from hat.cli.flags import add_flags, read_flags
from hat.errors import ConfigError
from hat.models.config import SuperTransformerConfig
from hat.models.flops import cost
from hat.nas.build import check_settings
from hat.nas.limits import LIMITS
from hat.nas.limits.base import Ground, SearchLimit, describe_limit
from hat.nas.limits.counts import ParamsSettings
from hat.search.operators import GeneOperators
from tests.latency.conftest import fitted, simulated
from tests.models.conftest import tiny_config


@pytest.fixture
def predictor_file(tiny_space: SearchSpace, tmp_path: Path) -> Path:
    path = tmp_path / "first" / "phone.pt"
    fitted("depth-linear", simulated(tiny_space, 60)).predictor.save(path)
    return path


@pytest.fixture
def config(tiny_space: SearchSpace) -> SuperTransformerConfig:
    return tiny_config(tgt_vocab_size=70)


def built(space: SearchSpace, config: SuperTransformerConfig, *words: object) -> list[SearchLimit]:
    """The limits that a command line asks for."""
    parser = argparse.ArgumentParser()
    for cls in LIMITS.settings():
        add_flags(parser, cls)
    args = parser.parse_args(list(map(str, words)))
    ground = Ground(space=space, config=config, src_len=30)
    parts = [LIMITS.load(name) for name in LIMITS]
    return [
        limit for part in parts for limit in part.build(read_flags(args, part.Settings), ground)
    ]


@pytest.fixture
def on_devices(tiny_space: SearchSpace, config: SuperTransformerConfig) -> Callable[..., Any]:
    def limits(paths: list[Path], *texts: str) -> list[SearchLimit]:
        words = ["--ckpt-path", *paths, "--latency-constraint", *texts]
        return built(tiny_space, config, *words)

    return limits


def test_one_device_is_limited_by_the_upper_bound(
    tiny_space: SearchSpace, predictor_file: Path, on_devices: Callable[..., Any]
) -> None:
    [found] = on_devices([predictor_file], "60%")
    largest = found.predictor.predict_ms([tiny_space.largest()])[0]
    assert found.limit.name == "latency_ms"
    assert found.limit.at_most == pytest.approx(0.6 * largest)
    upper = found.predictor.upper_ms([tiny_space.smallest()], confidence=0.95)
    assert found.limit.cost([tiny_space.smallest()]) == upper
    assert upper > found.predictor.predict_ms([tiny_space.smallest()])


def test_several_devices_have_a_limit_each(
    predictor_file: Path, on_devices: Callable[..., Any]
) -> None:
    other = predictor_file.parent.parent / "second" / "phone.pt"
    other.parent.mkdir()
    other.write_bytes(predictor_file.read_bytes())
    tablet = predictor_file.with_name("tablet.pt")
    tablet.write_bytes(predictor_file.read_bytes())
    found = on_devices([predictor_file, tablet], "0.5s", "20ms")
    assert [each.limit.name for each in found] == ["latency_ms@phone", "latency_ms@tablet"]
    assert [each.limit.at_most for each in found] == [500, 20]
    assert describe_limit(found[1].limit) == "20.00 ms on tablet"
    found = on_devices([predictor_file, other], "5", "6")
    names = [each.limit.name for each in found]
    assert names == ["latency_ms@first/phone", "latency_ms@second/phone"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--latency-constraint", "5", "6", "--ckpt-path", "a.pt"],
            "--ckpt-path names 1 predictor, but --latency-constraint 2 limits",
        ),
        (
            ["--ckpt-path", "{file}", "{file}", "--latency-constraint", "5", "6"],
            r"--ckpt-path names .*phone.pt twice",
        ),
        (["--ckpt-path", "{file}", "--latency-constraint", "-3"], "positive, but found '-3'"),
        (["--ckpt-path", "{file}", "--latency-constraint", "0%"], "positive, but found '0%'"),
        (
            ["--ckpt-path", "{file}", "--latency-constraint", "3min"],
            "--latency-constraint: unknown unit 'min' in '3min'; there are ms, s and %",
        ),
        (
            ["--ckpt-path", "{file}", "--latency-constraint", "fast"],
            "is a number of milliseconds or a percentage, not 'fast'",
        ),
        (
            ["--ckpt-path", "{file}", "--latency-constraint", "5", "--lat-norm", "1", "2"],
            "--lat-norm needs one number, but found 2",
        ),
        (
            ["--ckpt-path", "{file}", "--latency-constraint", "5", "--feature-norm", "1", "2"],
            "--feature-norm needs 10 numbers, but found 2",
        ),
    ],
)
def test_a_wrong_latency_limit_is_one_sentence(
    words: list[str],
    message: str,
    tiny_space: SearchSpace,
    config: SuperTransformerConfig,
    predictor_file: Path,
) -> None:
    words = [word.format(file=predictor_file) for word in words]
    with pytest.raises(ConfigError, match=message):
        built(tiny_space, config, *words)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--latency-constraint", "60%"], "--ckpt-path is missing"),
        (["--ckpt-path", "a.pt", "--params-constraint", "1M"], "--latency-constraint is missing"),
    ],
)
def test_a_predictor_and_its_limit_come_together(
    words: list[str], message: str, tiny_space: SearchSpace, config: SuperTransformerConfig
) -> None:
    with pytest.raises(ConfigError, match=message):
        built(tiny_space, config, *words)


def test_a_search_needs_a_limit() -> None:
    check_settings([ParamsSettings(params_constraint="60%")])
    with pytest.raises(ConfigError, match=r"a search needs a limit: --latency-constraint, .* or"):
        check_settings([])


def counts(space: SearchSpace, config: SuperTransformerConfig, *words: str) -> list[Any]:
    return [each.limit for each in built(space, config, *words)]


def test_counts_of_a_batch_are_those_of_each(
    tiny_space: SearchSpace, config: SuperTransformerConfig, rng: np.random.Generator
) -> None:
    limits = counts(
        *(tiny_space, config, "--params-constraint", "50%", "--flops-constraint", "2.5k"),
        *("--bytes-constraint", "1MiB", "--bytes-precision", "fp16"),
    )
    assert [limit.name for limit in limits] == ["params", "bytes@fp16", "flops"]

    def exact(arch: SubTransformerConfig) -> tuple[float, ...]:
        found = cost(config, arch, src_len=30, tgt_len=30)
        return found.params, 2 * found.params, found.flops

    batch = GeneOperators(tiny_space).sample(rng, 300)
    expected = np.array([exact(arch) for arch in batch]).T
    for archs in (batch, list(batch)):
        np.testing.assert_array_equal([limit.cost(archs) for limit in limits], expected)
    assert limits[0].at_most == exact(tiny_space.largest())[0] / 2
    assert [limit.at_most for limit in limits[1:]] == [2**20, 2500]
    assert limits[0].cost([]).shape == (0,)
    assert describe_limit(limits[1]) == "bytes@fp16 1,048,576"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--params-constraint", "5m"], "unknown unit 'm' in '5m'; there are k, M, G and %"),
        (["--flops-constraint", "1e9x"], "--flops-constraint: unknown unit 'x'"),
        (["--bytes-constraint", "2 MB/s"], "is a number of bytes or a percentage, not '2 MB/s'"),
        (["--bytes-constraint", "2Mib"], "unknown unit 'Mib' in '2Mib'; did you mean 'MiB'?"),
        (["--params-constraint", "0"], "--params-constraint must be positive, but found '0'"),
        (["--params-constraint", "1.2.3"], "is a number of parameters or a percentage"),
    ],
)
def test_a_wrong_count_is_one_sentence(
    words: list[str], message: str, tiny_space: SearchSpace, config: SuperTransformerConfig
) -> None:
    with pytest.raises(ConfigError, match=message):
        counts(tiny_space, config, *words)
