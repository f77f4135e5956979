"""Rows of one dataset are measured under the same conditions."""

from pathlib import Path
from typing import Any

import pytest

from hat.errors import DataError
from hat.latency.sidecar import Sidecar, read_sidecar
from hat.latency.workload import Workload
from hat.measuring.resuming import check_same_conditions
from hat.version import __version__

FACTS: dict[str, Any] = {
    "hat": __version__,
    "workload": Workload(num_threads=2).to_dict(),
    "device": {"name": "A", "torch": "2.0", "load_average": 0.1},
    "space_fingerprint": "1f",
    "seed": 1,
    "until_error": None,
    "reference_every": 10,
    "model": {"qkv_dim": 8},
    "reference": {"encoder": 1},
}
UNTIL = {"until_error": 2.0}
GPU = {"workload": Workload(device="cuda", num_threads=2).to_dict()}


def check(path: Path, old: dict[str, Any], new: dict[str, Any]) -> None:
    csv = path / "x.csv"
    Sidecar.create(csv, old)
    sidecar = read_sidecar(csv)
    assert sidecar is not None
    check_same_conditions(csv, sidecar, new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (FACTS, FACTS),
        (FACTS, {**FACTS, "reference_every": 20}),
        (FACTS, {**FACTS, "device": {**FACTS["device"], "load_average": 3.0}}),
        (FACTS | GPU, FACTS | {"workload": {**GPU["workload"], "num_threads": 4}}),
    ],
)
def test_what_decides_nothing_may_change(
    old: dict[str, Any], new: dict[str, Any], tmp_path: Path
) -> None:
    check(tmp_path, old, new)


@pytest.mark.parametrize(
    ("old", "change", "message"),
    [
        (FACTS, {"hat": "9.9"}, f"hat was {__version__}, is now 9.9"),
        (FACTS, {"workload": Workload(num_threads=3).to_dict()}, "num_threads was 2, is now 3"),
        (FACTS, {"device": {"name": "B", "torch": "2.0"}}, "machine was A, is now B"),
        (FACTS, {"device": {"name": "A", "torch": "2.1"}}, "torch was 2.0, is now 2.1"),
        (FACTS | UNTIL, {**UNTIL, "reference_every": 20}, "lat-reference-every was 10, is now 20"),
        (FACTS, UNTIL, "until-error was nothing, is now 2.0"),
        (FACTS | UNTIL, {"prior": "0f"}, "content of prior was nothing, is now 0f"),
        (FACTS, {"model": {"qkv_dim": 16}}, "qkv_dim was 8, is now 16"),
    ],
)
def test_what_decides_the_rows_may_not(
    old: dict[str, Any], change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=r"x\.csv: cannot be resumed under other conditions: ") as e:
        check(tmp_path, old, {**old, **change})
    assert message in str(e.value)


def test_a_dataset_by_a_version_that_did_not_say_which_is_not_gone_on_with(tmp_path: Path) -> None:
    old = {name: value for name, value in FACTS.items() if name != "hat"}
    with pytest.raises(DataError, match=f"hat was nothing, is now {__version__}"):
        check(tmp_path, old, FACTS)
