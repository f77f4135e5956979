"""From a device behind ssh to a search under its limits, all from the command line."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fairseq")
pytest.importorskip("onnx")

from hat.arch.hat_yaml import load_arch
from hat.cli.main import main as hat
from hat.latency.samples import read_samples, write_samples
from hat.measuring.devices.ssh import OpenSsh
from tests.commands.conftest import last_line
from tests.measuring.devices.conftest import Server, environment, server

__all__ = ["environment", "server"]

WORKLOAD = (
    *("--latcpu", "--lat-engine", "onnxruntime", "--lat-threads", "1", "--lat-src-len", "4"),
    *("--lat-decode-steps", "3", "--latiter", "3", "--lat-warmup", "1", "--beam", "2"),
)
SEARCH = (
    *("--population-size", "10", "--parent-size", "3", "--mutation-size", "4"),
    *("--crossover-size", "3", "--evo-iter", "2", "--rank-sample", "0", "--cpu"),
    *("--contest-seeds", "--measure-finalists", "2", "--measure-patience", "0"),
)


@pytest.mark.slow
def test_a_search_under_limits_of_a_device_behind_ssh(
    server: Server,
    environment: Path,
    space_yml: Path,
    supernet: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measured: list[object] = []
    measure = OpenSsh.measure

    def noted(self: OpenSsh, arch: Any, report: Any = None) -> Any:
        measured.append(arch)
        return measure(self, arch, report)

    monkeypatch.setattr(OpenSsh, "measure", noted)
    there = ("--device", server.address(environment), "--ssh-config", server.config)

    def call(*words: object) -> tuple[dict[str, Any], str]:
        hat([str(word) for word in words])
        printed = capsys.readouterr().out
        return last_line(printed), printed

    data, config = tmp_path / "lat.csv", f"--configs={space_yml}"
    size = ("--lat-dataset-size", 40, "--lat-patience", 0, "--latsilent")
    call("latency-dataset", config, *WORKLOAD, *there, *size, "--lat-dataset-path", data)
    rows = list(csv.DictReader(data.open()))
    assert len(rows) == 40 and all(float(row["peak_memory_mib"]) > 0 for row in rows)

    fit = ("latency-predictor", "--lat-dataset-path", data, "--ckpt-path")
    latency, memory, short = (tmp_path / f"{name}.pt" for name in ("latency", "memory", "short"))
    # Whatever else this machine does: rows that were measured meanwhile count here, too.
    write_samples(data, [replace(row, shift_percent=0.0) for row in read_samples(data)])
    call(*fit, latency, "--predictor", "additive")
    call(*fit, memory, "--predictor", "additive", "--target", "memory")
    found, _ = call(*fit, short, "--prior", latency)
    assert found["predictor"] == "from-prior"

    measured.clear()
    found, printed = call(
        *("search", config, "--restore-file", supernet, *SEARCH, *there),
        *("--write-config-path", tmp_path / "best.yml", "--ckpt-path", latency),
        *("--latency-constraint", "1s", "--memory-ckpt-path", memory),
        *("--memory-constraint", "1GiB"),
    )
    assert set(found["limits"]) == {"latency_ms", "memory_mib"}
    assert found["limits"]["latency_ms"]["measured"] > 0, printed
    assert load_arch(tmp_path / "best.yml") in measured, "there, though this machine is alike"
    trials = (tmp_path / "best.search" / "trials.jsonl").read_text().splitlines()
    limits = {name: each["limit"] for name, each in found["limits"].items()}
    for trial in map(json.loads, trials):
        assert all(trial["costs"][name] <= limit for name, limit in limits.items())

    found, _ = call(
        *("latency", "compare", tmp_path / "best.yml", config, *WORKLOAD, *there),
        *("--ckpt-path", latency, "--compare-rounds", 2, "--compare-patience", 0),
    )
    assert "onnxruntime" in found["workload"]
    assert found["rows"][str(tmp_path / "best.yml")]["latency_ms"] > 0
    assert not list(environment.glob("hat-*")), "the device is left as it was"
