"""Energy counters as Linux shows them."""

import os
from pathlib import Path

import pytest

from hat.machine.energy import energy_meter


def counter(folder: Path, name: str, used: int, full: int = 1000) -> Path:
    (folder / name).mkdir(parents=True)
    (folder / name / "max_energy_range_uj").write_text(f"{full}\n")
    (folder / name / "energy_uj").write_text(f"{used}\n")
    return folder / name / "energy_uj"


def test_packages_are_added_up_and_begin_again(tmp_path: Path) -> None:
    first = counter(tmp_path, "intel-rapl:0", 100)
    counter(tmp_path, "intel-rapl:1", 200)
    counter(tmp_path, "intel-rapl:0:0", 5)  # a part of the first
    meter = energy_meter("cpu", tmp_path)
    assert meter is not None
    assert meter() == pytest.approx(300e-6)
    first.write_text("50\n")
    assert meter() == pytest.approx(1250e-6)


def test_what_may_not_be_read_is_no_figure(tmp_path: Path) -> None:
    assert energy_meter("cpu", tmp_path) is None
    counter(tmp_path, "intel-rapl:0", 100)
    second = counter(tmp_path, "intel-rapl:1", 200)
    second.unlink()
    assert energy_meter("cpu", tmp_path) is None
    if os.geteuid() != 0:
        counter(tmp_path, "intel-rapl:2", 1).chmod(0)
        assert energy_meter("cpu", tmp_path) is None


def test_a_gpu_without_a_driver_has_none() -> None:
    meter = energy_meter("cuda")
    assert meter is None or meter() >= 0
