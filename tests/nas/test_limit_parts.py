"""One test of everything that any limit must do, on the tiny space."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hat.arch.space import SearchSpace
from hat.errors import ConfigError
from hat.latency.predictors.load import load_predictor
from hat.nas.limits import LIMITS
from hat.nas.limits.base import Ground, SearchLimit, describe_limit
from hat.search.operators import GeneOperators
from hat.settings import own_settings
from tests.models.conftest import tiny_config

every_limit = pytest.mark.parametrize("name", LIMITS.names())


@pytest.fixture(scope="module")
def ground(search_space: SearchSpace) -> Ground:
    config = tiny_config(tgt_vocab_size=70, encoder_layers=2)
    return Ground(space=search_space, config=config, src_len=30, say=lambda line: None)


def build(name: str, ground: Ground, amount: str, files: dict[str, Any]) -> list[SearchLimit]:
    part: Any = LIMITS.load(name)
    (asked,) = (each for each in own_settings(part.Settings) if each.field == part.asked_by)
    value = (amount,) if asked.is_list else amount
    return list(part.build(part.Settings(**{asked.field: value}, **files), ground))


@pytest.fixture
def files(predictor_pt: Path, memory_pt: Path) -> dict[str, dict[str, Any]]:
    """What must be given with the amount, by limit."""
    return {
        "latency": {"ckpt_path": (predictor_pt,)},
        "memory": {"memory_ckpt_path": memory_pt},
    }


@pytest.fixture
def memory_pt(predictor_pt: Path, tmp_path: Path) -> Path:
    """The same figures, said to be mebibytes."""
    predictor = load_predictor(predictor_pt)
    predictor.facts = {**predictor.facts, "target": "memory"}
    predictor.save(tmp_path / "memory.pt")
    return tmp_path / "memory.pt"


@every_limit
def test_who_is_not_asked_for_limits_nothing(name: str, ground: Ground) -> None:
    part: Any = LIMITS.load(name)
    assert part.build(part.Settings(), ground) == []


@every_limit
def test_costs_are_positive_and_percentages_are_of_the_largest(
    name: str, ground: Ground, files: dict[str, dict[str, Any]]
) -> None:
    (whole,) = build(name, ground, "100%", files.get(name, {}))
    (half,) = build(name, ground, "50%", files.get(name, {}))
    assert half.limit.at_most == pytest.approx(whole.limit.at_most / 2)
    assert describe_limit(whole.limit)
    space = ground.space
    genes = GeneOperators(space)
    batch = genes.sample(np.random.default_rng(0), 20)
    costs = whole.limit.cost(batch)
    assert costs.shape == (20,) and costs.dtype == np.float64 and (costs > 0).all()
    np.testing.assert_allclose(costs, whole.limit.cost(list(batch)))  # lazy or not
    smallest, largest = whole.limit.cost([space.smallest(), space.largest()])
    assert smallest < costs.max() <= largest * (1 + 1e-9)


@every_limit
def test_its_signature_and_name_are_stable_and_tell_limits_apart(
    name: str, ground: Ground, files: dict[str, dict[str, Any]]
) -> None:
    (one,), (other,) = (build(name, ground, "100%", files.get(name, {})) for _ in range(2))
    assert (one.signature, one.limit.name) == (other.signature, other.limit.name)
    everybody = [build(each, ground, "100%", files.get(each, {}))[0] for each in LIMITS]
    assert len({each.limit.name for each in everybody}) == len(LIMITS.names())


def test_what_else_decides_a_cost_is_signed(ground: Ground, predictor_pt: Path) -> None:
    latency, of_bytes = LIMITS.load("latency"), LIMITS.load("bytes")
    asked = {"ckpt_path": (predictor_pt,), "latency_constraint": ("100%",)}
    one, other = (
        latency.build(latency.Settings(**asked, latency_confidence=sure), ground)[0].signature
        for sure in (0.9, 0.95)
    )
    assert one != other and one.keys() == other.keys()
    names = {
        of_bytes.build(of_bytes.Settings(bytes_constraint="1M", bytes_precision=precision), ground)[
            0
        ].limit.name
        for precision in ("fp32", "bf16", "fp16")
    }
    assert len(names) == 3


def test_memory_is_limited_by_a_predictor_of_memory(
    ground: Ground, predictor_pt: Path, memory_pt: Path
) -> None:
    memory, latency = LIMITS.load("memory"), LIMITS.load("latency")
    (limit,) = build("memory", ground, "2GiB", {"memory_ckpt_path": memory_pt})
    assert limit.limit.at_most == 2048 and describe_limit(limit.limit) == "2048.0 MiB of memory"
    with pytest.raises(ConfigError, match="predicts latency, not memory"):
        build("memory", ground, "2GiB", {"memory_ckpt_path": predictor_pt})
    wrong = latency.Settings(ckpt_path=(memory_pt,), latency_constraint=("5",))
    with pytest.raises(ConfigError, match="predicts memory, not latency"):
        latency.build(wrong, ground)
    with pytest.raises(ConfigError, match="--memory-ckpt-path is missing"):
        memory.Settings(memory_constraint="2GiB")
    with pytest.raises(ConfigError, match="--memory-constraint is missing"):
        memory.Settings(memory_ckpt_path=memory_pt)


def test_a_predictor_of_one_engine_is_refused_for_another(
    ground: Ground, predictor_pt: Path, memory_pt: Path
) -> None:
    latency: Any = LIMITS.load("latency")
    asked = {"ckpt_path": (predictor_pt,), "latency_constraint": ("100%",)}
    assert latency.build(latency.Settings(**asked, lat_engine="eager"), ground)
    with pytest.raises(ConfigError, match="is for the engine eager, not for onnxruntime: what is"):
        latency.build(latency.Settings(**asked, lat_engine="onnxruntime"), ground)
    files = {"memory_ckpt_path": memory_pt}
    assert build("memory", replace(ground, engine="eager"), "100%", files)
    with pytest.raises(ConfigError, match="is for the engine eager, not for torch"):
        build("memory", replace(ground, engine="torch"), "100%", files)
