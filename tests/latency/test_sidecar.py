import json
from pathlib import Path

import pytest

from hat.errors import DataError
from hat.latency.sidecar import Sidecar, common_workload, read_sidecar, sidecar_path
from hat.latency.workload import Workload


def create(path: Path, device: str = "AMD EPYC", **workload: object) -> Sidecar:
    facts = {"workload": Workload(**workload).to_dict(), "device": {"name": device}}  # type: ignore[arg-type]
    return Sidecar.create(path, facts)


def test_round_trip(tmp_path: Path) -> None:
    sidecar = create(tmp_path / "x.csv", beam=4)
    sidecar.append(event="row", row=0)
    read = read_sidecar(tmp_path / "x.csv")
    assert read is not None
    assert read.workload == Workload(beam=4)
    assert read.facts == sidecar.facts
    assert read.events == sidecar.events


def test_hats_datasets_have_none(tmp_path: Path) -> None:
    assert read_sidecar(tmp_path / "x.csv") is None


def test_a_killed_run_leaves_a_file_that_reads(tmp_path: Path) -> None:
    sidecar = create(tmp_path / "x.csv")
    sidecar.append(event="row", row=0)
    with sidecar.path.open("a") as stream:
        stream.write('{"event": "ro')
    read = read_sidecar(tmp_path / "x.csv")
    assert read is not None
    assert len(read.events) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty; expected the facts of a latency dataset"),
        ('{"format": "other"}\n', "meta.jsonl:1: format is 'other'; expected 'hat-latency-dataset"),
        ("oops\n{}\n", r"meta.jsonl:1: is not JSON"),
    ],
)
def test_damaged_sidecars(tmp_path: Path, text: str, message: str) -> None:
    sidecar_path(tmp_path / "x.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        read_sidecar(tmp_path / "x.csv")


def test_datasets_of_different_workloads_are_not_joined(tmp_path: Path) -> None:
    create(tmp_path / "a.csv")
    create(tmp_path / "b.csv", runs=7)
    create(tmp_path / "c.csv", beam=1)
    create(tmp_path / "d.csv", device="Cortex-A72")
    files = [tmp_path / name for name in ("a.csv", "b.csv", "none.csv")]
    assert common_workload(files) == Workload()
    assert common_workload([tmp_path / "none.csv"]) is None
    with pytest.raises(DataError, match=r"a.csv and .*c.csv were measured under different"):
        common_workload([tmp_path / "a.csv", tmp_path / "c.csv"])
    with pytest.raises(DataError, match="the device is AMD EPYC in one and Cortex-A72 in the"):
        common_workload([tmp_path / "a.csv", tmp_path / "d.csv"])


def test_facts_are_json(tmp_path: Path) -> None:
    create(tmp_path / "x.csv")
    first = sidecar_path(tmp_path / "x.csv").read_text().splitlines()[0]
    assert json.loads(first)["format"] == "hat-latency-dataset-1"
