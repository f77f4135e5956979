import itertools
import json

import pytest
import torch

from hat.machine import rates as module
from hat.machine.rates import PRECISIONS, rates


@pytest.fixture(autouse=True)
def quick(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(module, "_SECONDS", 0.0)
    monkeypatch.setattr(module, "_SIZE", 64)
    monkeypatch.setattr(module, "_IDLE", 0.0)  # other tests run beside these


def test_rates_are_measured_once_and_kept(tmp_path, monkeypatch):
    first = rates()
    assert tuple(first.gflops) == PRECISIONS
    assert all(rate > 0 for rate in first.gflops.values())
    monkeypatch.setattr(module, "_measured", lambda precision: pytest.fail("measured again"))
    assert rates() == first
    assert (tmp_path / "hat" / "rates.json").is_file()


def test_what_a_busy_processor_gave_is_not_kept(tmp_path, monkeypatch):
    wall, cpu = itertools.count(), itertools.count()
    monkeypatch.setattr(module, "_measured", lambda precision: 7.0)
    monkeypatch.setattr(module, "_IDLE", 0.8)
    monkeypatch.setattr(module.time, "perf_counter", lambda: next(wall))
    monkeypatch.setattr(module.time, "process_time", lambda: share * next(cpu))
    threads = torch.get_num_threads()
    share = 0.7 * threads
    assert set(rates().gflops.values()) == {7.0}
    assert not (tmp_path / "hat" / "rates.json").exists()
    share = 0.9 * threads
    rates()
    assert (tmp_path / "hat" / "rates.json").is_file()


def test_other_conditions_are_measured_anew(monkeypatch):
    rates()
    asked = []
    monkeypatch.setattr(module, "_measured", lambda precision: asked.append(precision) or 7.0)
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "default")
    assert set(rates().gflops.values()) == {7.0}
    assert asked == list(PRECISIONS)
    assert set(rates(fresh=True).gflops.values()) == {7.0}
    assert asked == list(PRECISIONS) * 2


@pytest.mark.parametrize("text", ["", "[]", "{", '{"x": 3}', '{"x": {"fp32": "fast"}}'])
def test_a_damaged_file_is_measured_over(tmp_path, text):
    path = tmp_path / "hat" / "rates.json"
    path.parent.mkdir()
    path.write_text(text)
    found = rates()
    assert list(json.loads(path.read_text()).values()) == [found.gflops]


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert tuple(rates().gflops) == PRECISIONS


def test_what_is_printed_names_machine_threads_and_rates():
    text = str(module.Rates({"fp32": 84.6, "bf16": 400.0}, 1, "Some CPU (torch 2.13.0)"))
    assert text == "Some CPU (torch 2.13.0), 1 thread: fp32 85, bf16 400 GFLOP/s"
