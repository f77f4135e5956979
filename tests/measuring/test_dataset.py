"""A latency dataset from Python, without a command."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import hat
from hat.arch.config import SubTransformerConfig
from hat.arch.space import SearchSpace
from hat.conditions import file_digest
from hat.errors import ConfigError, DataError
from hat.latency.fit import fit_auto
from hat.latency.predictor import Lesson
from hat.latency.samples import LatencySample, read_samples, write_samples
from hat.latency.sidecar import read_sidecar, sidecar_path
from hat.latency.workload import Workload
from hat.measuring.dataset import measure_dataset
from hat.measuring.plans import Drawn
from hat.measuring.settings import DatasetSettings, WorkloadSettings
from hat.models.config import SuperTransformerConfig
from hat.models.super_transformer import SuperTransformer
from tests.latency.conftest import arrays, simulated_sample
from tests.latency.conftest import simulated as simulated_rows

WORKLOAD = Workload(src_len=3, decode_steps=2, beam=1, runs=2, warmup_runs=0)


@pytest.fixture
def config(model: SuperTransformer) -> SuperTransformerConfig:
    return model.config


@pytest.fixture
def simulated(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)

    def measure(
        model: object, arch: SubTransformerConfig, workload: object, **more: object
    ) -> LatencySample:
        return simulated_sample(arch, rng, noise=1e-4)

    monkeypatch.setattr("hat.measuring.measure.measure", measure)


def settings(path: Path, **values: object) -> DatasetSettings:
    return DatasetSettings(lat_dataset_path=path / "x.csv", lat_patience=0, **values)  # type: ignore[arg-type]


def test_a_dataset_and_going_on_with_it(
    tmp_path: Path, tiny_space: SearchSpace, config: SuperTransformerConfig, simulated: None
) -> None:
    said: list[str] = []
    rows: list[str] = []
    made = measure_dataset(
        *(tiny_space, config, WORKLOAD, settings(tmp_path, lat_dataset_size=5)),
        say=said.append,
        say_row=rows.append,
    )
    assert read_samples(made.path) == made.samples and len(rows) == 5
    assert made.error_percent is None and len(made.lines()) == 1
    assert said == [f"| workload: {WORKLOAD.tag()} on {said[0].rpartition(' on ')[2]}"]
    again = settings(tmp_path, lat_dataset_size=8, resume=True)
    more = measure_dataset(tiny_space, config, WORKLOAD, again, say=said.append)
    assert [s.arch for s in more.samples[:5]] == [s.arch for s in made.samples]
    assert more.figures()["rows"] == 8 and "| goes on after row 4" in said
    assert made.signature == more.signature
    header, *_ = made.path.read_text().splitlines(keepends=True)
    made.path.write_text(header)  # stopped before the first row came
    sidecar = made.path.with_name(f"{made.path.name}.meta.jsonl")
    sidecar.write_text(sidecar.read_text().splitlines(keepends=True)[0])
    measure_dataset(tiny_space, config, WORKLOAD, again, say=said.append)
    assert "| goes on with the first row" in said


def test_one_that_is_told_to_end_says_what_goes_on_with_it(
    tmp_path: Path, tiny_space: SearchSpace, config: SuperTransformerConfig, simulated: None
) -> None:
    said: list[str] = []
    rows: list[str] = []

    def stop(line: str) -> None:
        rows.append(line)
        if len(rows) == 4:
            raise KeyboardInterrupt

    wanted = settings(tmp_path, lat_dataset_size=8)
    with pytest.raises(KeyboardInterrupt):
        measure_dataset(tiny_space, config, WORKLOAD, wanted, say=said.append, say_row=stop)
    assert said[-1] == f"| {tmp_path / 'x.csv'} holds 3 rows: --resume goes on there"
    made = measure_dataset(tiny_space, config, WORKLOAD, replace(wanted, resume=True))
    assert len(made.samples) == 8


def test_until_error_says_what_was_reached(
    tmp_path: Path, tiny_space: SearchSpace, config: SuperTransformerConfig, simulated: None
) -> None:
    wanted = settings(tmp_path, lat_dataset_size=60, until_error=50.0)
    made = measure_dataset(tiny_space, config, WORKLOAD, wanted, say=lambda line: None)
    assert made.error_percent is not None and made.error_percent < 50
    assert made.lines()[1].endswith("target 50 % reached")


def test_until_error_says_how_far_it_is(
    tmp_path: Path, tiny_space: SearchSpace, config: SuperTransformerConfig, simulated: None
) -> None:
    said: list[str] = []
    wanted = settings(tmp_path, lat_dataset_size=60, until_error=1e-6)
    made = measure_dataset(tiny_space, config, WORKLOAD, wanted, say=said.append)
    told = [line for line in said if "rows: cross-validated error" in line]
    assert told and all(line.endswith(" %, target 1e-06 % not reached") for line in told)
    rows = [int(line.split()[1]) for line in told]
    assert rows == sorted(set(rows)) and rows[-1] < len(made.samples) == 60


def test_until_error_from_a_prior(
    tmp_path: Path, tiny_space: SearchSpace, config: SuperTransformerConfig, simulated: None
) -> None:
    old = tmp_path / "old.pt"
    table, latency_ms = arrays(simulated_rows(tiny_space, 60))
    predictor = fit_auto(Lesson.of(table, 2 * latency_ms), kinds=["additive"]).predictor
    predictor.save(old)
    wanted = settings(tmp_path, lat_dataset_size=60, until_error=50.0, prior=old)
    made = measure_dataset(tiny_space, config, WORKLOAD, wanted, say=lambda line: None)
    assert f"of a predictor that starts from {old} " in made.lines()[1]
    sidecar = read_sidecar(made.path)
    assert sidecar is not None and sidecar.facts["prior"] == file_digest(old)
    before = made.path.read_text()
    for other in (replace(wanted, prior=None), replace(wanted, until_error=None, prior=None)):
        with pytest.raises(DataError, match="cannot be resumed under other conditions: "):
            measure_dataset(tiny_space, config, WORKLOAD, replace(other, resume=True))
    assert made.path.read_text() == before
    predictor.choices = {"encoder_embed_dim": [64, 128]}
    predictor.save(old)
    with pytest.raises(
        ConfigError, match=r"old\.pt was made for another search space: .* this spa"
    ):
        measure_dataset(tiny_space, config, WORKLOAD, replace(wanted, set_aside=True))
    assert made.path.read_text() == before
    with pytest.raises(ConfigError, match="--prior has no effect without --until-error"):
        settings(tmp_path, prior=old)


def test_what_cannot_be_measured_leaves_no_file(
    tmp_path: Path, tiny_space: SearchSpace, config: SuperTransformerConfig
) -> None:
    few = replace(
        tiny_space,
        encoder_layer_nums=(1,),
        decoder_layer_nums=(1,),
        encoder_ffn_dims=(48,),
        decoder_ffn_dims=(48,),
    )
    with pytest.raises(ConfigError, match="but the space has"):
        measure_dataset(few, config, WORKLOAD, settings(tmp_path, lat_dataset_size=1000))
    with pytest.raises(DataError, match="there is no dataset to resume"):
        measure_dataset(tiny_space, config, WORKLOAD, settings(tmp_path, resume=True))
    assert not list(tmp_path.iterdir())


def test_rows_that_the_seed_does_not_draw_are_refused(
    tmp_path: Path, tiny_space: SearchSpace
) -> None:
    def rows(archs: Sequence[SubTransformerConfig]) -> list[LatencySample]:
        return [LatencySample.of(arch, encoder_ms=1.0, decoder_ms=1.0) for arch in archs]

    plan = Drawn(tiny_space, 4, seed=1)
    archs = list(plan([]))
    assert Drawn(tiny_space, 2, seed=1)([]) == archs[:2] and len(set(archs)) == 4
    plan.check(tmp_path / "x.csv", rows(archs[:3]))
    Drawn(tiny_space, 2, seed=1).check(tmp_path / "x.csv", rows(archs))
    with pytest.raises(DataError, match=r"x\.csv: row 1 is not what seed 1 draws"):
        plan.check(tmp_path / "x.csv", rows([archs[0], archs[2]]))


def test_one_subtransformer(tiny_space: SearchSpace, config: SuperTransformerConfig) -> None:
    said: list[str] = []
    arch = tiny_space.smallest()
    measured = hat.measure_subtransformer(config, arch, WORKLOAD, say=said.append)
    assert measured.sample.arch == arch and len(said) == 2
    figures = measured.figures()
    assert figures["latency_ms"] == figures["encoder_ms"] + figures["decoder_ms"] > 0
    assert f"workload:{WORKLOAD.tag()}" in figures["signature"]
    assert str(measured).endswith(f"decoder), {WORKLOAD.tag()}")


@pytest.mark.parametrize(
    ("arch", "values", "lengths"),
    [
        ("transformersuper_iwslt_de_en", {}, (23, 23)),
        ("transformersuper", {}, (30, 30)),
        ("transformersuper", {"lat_src_len": 7}, (7, 7)),
        ("transformersuper", {"lat_src_len": 7, "lat_decode_steps": 9}, (7, 9)),
    ],
)
def test_the_workload_of_flags(arch: str, values: dict[str, int], lengths: tuple[int, int]) -> None:
    workload = WorkloadSettings(lat_device="cpu", lat_threads=2, **values).workload(arch)  # type: ignore[arg-type]
    assert (workload.src_len, workload.decode_steps) == lengths
    assert workload.num_threads == 2


def test_a_workload_needs_a_device() -> None:
    with pytest.raises(ConfigError, match="say where to measure: --latcpu or --latgpu"):
        WorkloadSettings().workload("transformersuper")


def test_an_empty_dataset_that_is_there_is_gone_on_with(
    tmp_path: Path, tiny_space: SearchSpace, config: SuperTransformerConfig, simulated: None
) -> None:
    one = settings(tmp_path, lat_dataset_size=1)
    measure_dataset(tiny_space, config, WORKLOAD, one, say=lambda line: None)
    write_samples(one.lat_dataset_path, [])  # killed before the first row
    sidecar = sidecar_path(one.lat_dataset_path)
    facts, *events = sidecar.read_text().splitlines(keepends=True)
    before = [line for line in events if json.loads(line)["event"] == "baseline"]
    sidecar.write_text("".join([facts, *before]))
    again = settings(tmp_path, lat_dataset_size=1, resume=True)
    assert len(measure_dataset(tiny_space, config, WORKLOAD, again).samples) == 1
