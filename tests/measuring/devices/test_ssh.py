"""Measuring on a device that has Python, numpy and onnxruntime, over a real ssh server."""

from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from hat.arch.config import SubTransformerConfig
from hat.arch.hat_yaml import arch_to_mapping
from hat.arch.space import SearchSpace
from hat.errors import ConfigError, HatError
from hat.latency.samples import read_samples
from hat.latency.sidecar import read_sidecar
from hat.latency.workload import Workload
from hat.measuring.dataset import MeasuredDataset, measure_dataset
from hat.measuring.devices.ssh import SshDevice, SshSettings
from hat.measuring.devices.ssh_session import SshSession
from hat.measuring.settings import DatasetSettings
from hat.models.config import SuperTransformerConfig
from hat.models.super_transformer import SuperTransformer
from hat.nas.limits.base import SearchLimit
from hat.nas.measure import build_measure
from hat.search.deliver import Measure
from tests.measuring.devices.conftest import Server

pytest.importorskip("onnx")

WORKLOAD = Workload(
    engine="onnxruntime", src_len=4, decode_steps=3, beam=2, runs=3, warmup_runs=1, num_threads=1
)


@pytest.fixture
def config(model: SuperTransformer) -> SuperTransformerConfig:
    return model.config


@dataclass
class Place:
    """What a dataset is made of, and where its file goes."""

    server: Server
    space: SearchSpace
    config: SuperTransformerConfig
    path: Path

    def measure(
        self, device: SshDevice, workload: Workload = WORKLOAD, **values: Any
    ) -> MeasuredDataset:
        """Measures; what is not of a dataset's settings is said to ``measure_dataset``."""
        said = {name: values.pop(name) for name in ("say", "say_row") if name in values}
        fixed = {"lat_patience": 0, "lat_reference_every": 2}
        settings = DatasetSettings(lat_dataset_path=self.path / "x.csv", **{**fixed, **values})
        more = {"say": lambda line: None, **said}
        return measure_dataset(self.space, self.config, workload, settings, device=device, **more)


@pytest.fixture
def place(
    server: Server, tmp_path: Path, tiny_space: SearchSpace, config: SuperTransformerConfig
) -> Place:
    return Place(server, tiny_space, config, tmp_path)


def device(server: Server, folder: Path) -> SshDevice:
    return SshDevice(SshSettings(device=server.address(folder), ssh_config=server.config))


def test_a_dataset_of_a_device_without_hat(place: Place, environment: Path) -> None:
    rows: list[str] = []
    made = place.measure(device(place.server, environment), lat_dataset_size=4, say_row=rows.append)
    written = read_samples(made.path)
    # What was measured while the machine was disturbed is measured again.
    assert len(rows) >= 4 == len(written)
    assert [row.arch for row in written] == [row.arch for row in made.samples]
    assert [row.total_ms for row in written] == [row.total_ms for row in made.samples]
    assert all(sample.memory_mib and sample.memory_mib > 0.1 for sample in made.samples)
    sidecar = read_sidecar(made.path)
    assert sidecar is not None
    assert sidecar.workload.engine == "onnxruntime" and sidecar.workload.engine_version
    assert "-onnxruntime" in made.signature and "|device:ssh" in made.signature
    assert sidecar.facts["device"]["address"].startswith("ssh://")
    assert "torch" not in sidecar.facts["device"]
    assert [event["event"] for event in sidecar.events].count("reference") >= 2
    assert not list(environment.glob("hat-*")), "the device is left as it was"


def test_a_dataset_in_ctranslate2(place: Place, ctranslate2_environment: Path) -> None:
    orders: list[dict[str, Any]] = []
    ask = SshSession.ask

    def noted(self: SshSession, *contents: bytes, **order: Any) -> dict[str, Any]:
        orders.append(order)
        return ask(self, *contents, **order)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SshSession, "ask", noted)
        # One memory for all layers is all that it can represent.
        place.space = replace(place.space, decoder_ende_spans=(1,))
        made = place.measure(
            device(place.server, ctranslate2_environment),
            replace(WORKLOAD, engine="ctranslate2", precision="int8"),
            lat_dataset_size=6,
            lat_reference_every=3,
        )
    assert all(sample.total_ms > 0 and sample.memory_mib for sample in made.samples)
    sidecar = read_sidecar(made.path)
    assert sidecar is not None and sidecar.workload.engine == "ctranslate2"
    assert sidecar.workload.engine_version == version("ctranslate2")
    sent = [len(order["sizes"]) for order in orders if order["do"] == "keep"]
    assert sent[:3] == [1, 3, 3], "the reference, then all networks of a batch together"
    assert not list(ctranslate2_environment.glob("hat-*"))


def test_a_connection_that_breaks_loses_one_row(place: Place, environment: Path) -> None:
    done: list[str] = []

    def cut(line: str) -> None:
        done.append(line)
        if len(done) == 3:
            place.server.drop_connections()

    there = device(place.server, environment)
    # On a busy machine a look at the reference would have rows measured again before the cut.
    seldom = {"lat_dataset_size": 6, "lat_reference_every": 10}
    with pytest.raises(HatError, match=r"the connection ended \(.*go on with --resume"):
        place.measure(there, **seldom, say_row=cut)
    first = read_samples(place.path / "x.csv")
    assert len(first) == 3
    said: list[str] = []
    made = place.measure(there, **seldom, resume=True, say=said.append)
    assert "| goes on after row 2" in said
    assert [sample.arch for sample in made.samples[:3]] == [sample.arch for sample in first]
    assert len(read_samples(place.path / "x.csv")) == 6
    assert all("hat-" not in path.name for path in environment.iterdir())


def test_what_cannot_be_reached_or_lacks_something_is_said(
    place: Place, environment: Path, tmp_path: Path
) -> None:
    server = place.server

    def refused(where: SshDevice, workload: Workload = WORKLOAD) -> str:
        with pytest.raises(ConfigError) as caught:
            place.measure(where, workload)
        assert not (tmp_path / "x.csv").exists(), "nothing is half written"
        return str(caught.value)

    def with_config(**changes: str) -> SshDevice:
        text = server.config.read_text()
        for old, new in changes.items():
            text = "\n".join(
                f"{old} {new}" if line.startswith(old) else line for line in text.splitlines()
            )
        (tmp_path / "config").write_text(text)
        address = server.address(environment)
        return SshDevice(SshSettings(device=address, ssh_config=tmp_path / "config"))

    (tmp_path / "none").touch()
    assert "its host key is not known here" in refused(
        with_config(UserKnownHostsFile=str(tmp_path / "none"))
    )
    assert "it takes none of the keys" in refused(with_config(IdentityFile="/dev/null"))
    nobody = SshSettings(device="ssh://127.0.0.1:1/tmp", ssh_config=server.config)
    assert "it refuses the connection" in refused(SshDevice(nobody))
    there_is_none = device(server, tmp_path / "not here; touch x")
    assert "not here; touch x cannot be written there: No such file" in refused(there_is_none)
    assert "choose --lat-engine onnxruntime" in refused(
        device(server, environment), Workload(runs=1)
    )
    empty = tmp_path / "empty"
    (empty / "bin").mkdir(parents=True)
    (empty / "bin" / "python").symlink_to("/usr/bin/python3")
    assert "the package numpy is missing there" in refused(device(server, empty))
    assert not list(empty.glob("hat-*"))


def test_finalists_of_a_search_are_measured_there(
    server: Server,
    environment: Path,
    tiny_space: SearchSpace,
    model: SuperTransformer,
) -> None:
    where = device(server, environment)
    with where.open(model, WORKLOAD) as opened:
        reference_ms = opened.measure(tiny_space.smallest()).total_ms
        workload, name = opened.workload, opened.facts["name"]
    facts = {
        "workload": workload.to_dict(),
        "device": name,
        "reference": {
            "arch": arch_to_mapping(tiny_space.smallest()),
            "latency_ms": reference_ms,
            "noise": 0.5,  # whatever else this machine does
        },
    }

    def finalists(facts: dict[str, Any]) -> tuple[list[str], Measure[SubTransformerConfig] | None]:
        predictor = SimpleNamespace(facts=facts, source="p.pt")
        limit = SimpleNamespace(predictor=predictor, limit=SimpleNamespace(name="latency_ms"))
        said: list[str] = []
        # The name of this machine is that of the device, so it is told apart by its engine.
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("hat.nas.measure.device_name", lambda device: "here")
            measure = build_measure(
                [cast(SearchLimit, limit)],
                model,
                str,
                device=where,
                patience_s=0.0,
                say=said.append,
            )
        return said, measure

    said, measure = finalists(facts)
    assert measure is not None
    archs = [tiny_space.largest(), tiny_space.smallest()]
    for _ in range(2):
        found = measure(archs)
        assert len(found) == 2 and all(each["latency_ms"] > 0 for each in found)
    assert any(line.startswith("| measured latency_ms ") for line in said)
    said, measure = finalists({**facts, "device": "a Raspberry Pi"})
    assert measure is None and f"for a Raspberry Pi, not here, and not for {name}" in said[0]
    other = {**facts, "workload": {**workload.to_dict(), "engine_version": "0.1"}}
    said, measure = finalists(other)
    assert measure is None and "engine_version is 0.1 in one" in said[0]
    eager = {**facts, "workload": Workload().to_dict()}
    assert finalists(eager) == (["| latency_ms is not measured: " + said_here(name)], None)


def said_here(name: str) -> str:
    return f"the predictor is for {name}, not here"
