"""A workload's engine: what is timed in it, and that it is said wherever a figure stands."""

import pytest

from hat.arch.space import SearchSpace
from hat.errors import ConfigError, DataError
from hat.latency.fit import FitSettings, fit_predictor
from hat.latency.samples import write_samples
from hat.latency.sidecar import Sidecar, common_workload
from hat.latency.workload import Workload
from hat.measuring.engines import engine_of, settled, source_tokens
from hat.measuring.measure import measure
from hat.measuring.settings import WorkloadSettings
from hat.models.super_transformer import SuperTransformer
from tests.latency.conftest import simulated

QUICK = {"src_len": 4, "decode_steps": 3, "beam": 2, "runs": 2, "warmup_runs": 0}


@pytest.mark.parametrize("engine", ["eager", "torch", "onnxruntime", "ctranslate2"])
def test_every_engine_is_timed(
    engine: str, model: SuperTransformer, tiny_space: SearchSpace
) -> None:
    if engine in ("onnxruntime", "ctranslate2"):
        pytest.importorskip(engine)
    workload = settled(Workload(engine=engine, **QUICK))  # type: ignore[arg-type]
    if engine == "ctranslate2":
        with pytest.raises(ConfigError, match="decoder-arbitrary-ende-attn-choice"):
            measure(model, tiny_space.largest(), workload)
        return
    sample = measure(model, tiny_space.largest(), workload)
    assert sample.encoder_ms > 0 and sample.decoder_ms > 0
    assert (workload.engine_version is None) == (engine == "eager")
    assert (f"-{engine}" in workload.tag()) == (engine != "eager")


def test_hats_engine_is_the_default_and_goes_without_saying() -> None:
    assert WorkloadSettings(lat_device="cpu").workload("transformer").engine == "eager"
    assert Workload(**QUICK).tag() == "cpu-fp32-t1-s4-d3-b1x2"  # type: ignore[arg-type]
    before = {name: value for name, value in Workload().to_dict().items() if "engine" not in name}
    assert Workload.from_dict(before, "x") == Workload()


def test_a_precision_that_an_engine_lacks_is_refused() -> None:
    with pytest.raises(
        ConfigError, match="the engine onnxruntime: precision must be one of fp32, int8"
    ):
        engine_of(Workload(engine="onnxruntime", precision="bf16"))
    with pytest.raises(ConfigError, match="unknown engine 'tensor'"):
        engine_of(Workload(engine="tensor"))


def test_int8_has_the_range_of_its_engine() -> None:
    pytest.importorskip("onnxruntime")
    assert settled(Workload(engine="onnxruntime", precision="int8")).int8_range == "reduced"
    assert Workload(precision="int8").int8_range in ("full", "reduced")


def test_figures_of_two_engines_or_versions_are_not_joined(
    tmp_path: object, tiny_space: SearchSpace
) -> None:
    paths = [f"{tmp_path}/{name}.csv" for name in "abc"]
    ours = {"engine": "onnxruntime", "engine_version": "1"}
    kinds = [{}, ours, {**ours, "engine_version": "2"}]
    for path, kind in zip(paths, kinds, strict=True):
        write_samples(path, simulated(tiny_space, 30))
        Sidecar.create(path, {"workload": Workload(**kind).to_dict()})  # type: ignore[arg-type]
    with pytest.raises(DataError, match="engine is eager in one and onnxruntime in the other"):
        common_workload(paths[:2])
    with pytest.raises(DataError, match="engine_version is 1 in one and 2 in the other"):
        common_workload(paths[1:])
    asked = FitSettings(lat_engine="ctranslate2")
    with pytest.raises(DataError, match="measured in the engine onnxruntime, not in ctranslate2"):
        fit_predictor(paths[1], asked)
    fit = fit_predictor(paths[1], say=lambda line: None)
    assert "workload:cpu-onnxruntime1-fp32" in fit.signature
    with pytest.raises(ConfigError, match="for the engine onnxruntime, not for eager"):
        fit.predictor.check_engine("eager")


def test_memory_is_learned_where_it_was_measured(tmp_path: object, tiny_space: SearchSpace) -> None:
    from dataclasses import replace

    path, settings = f"{tmp_path}/a.csv", FitSettings(target="memory")
    samples = simulated(tiny_space, 40)
    write_samples(path, samples)
    with pytest.raises(DataError, match="40 of 40 rows have no peak_memory_mib: measure with"):
        fit_predictor(path, settings)
    rows = [
        replace(each, memory_mib=50 + 0.1 * sum(each.arch.decoder.ffn_dims), shift_percent=20.0)  # type: ignore[union-attr]
        for each in samples
    ]
    write_samples(path, rows)
    fit = fit_predictor(path, settings, say=lambda line: None)
    assert fit.predictor.target == "memory" and fit.predictor.unit == "MiB"
    assert fit.num_left_out == 0 and "|target:memory|" in fit.signature
    assert fit.metrics.mape_percent < 2


def test_the_dummy_sentence_is_hats() -> None:
    tokens = source_tokens(Workload(batch_size=2, src_len=3))
    assert tokens == [[2, 7, 7], [2, 7, 7]]
