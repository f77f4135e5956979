import json

import pytest

from hat.machine import rates as module
from hat.machine.rates import PRECISIONS, rates


@pytest.fixture(autouse=True)
def quick(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(module, "_SECONDS", 0.0)
    monkeypatch.setattr(module, "_SIZE", 64)


@pytest.fixture
def measured(monkeypatch):
    """What each product will be found to do, and for how long it was looked at."""
    found = {"rate": 7.0, "seconds": []}

    def rate(product, seconds):
        found["seconds"].append(seconds)
        return found["rate"]

    monkeypatch.setattr(module, "_rate", rate)
    return found


def test_rates_are_measured_once_and_kept(tmp_path):
    first = rates()
    assert tuple(first.gflops) == PRECISIONS
    assert all(rate > 0 for rate in first.gflops.values())
    (kept,) = json.loads((tmp_path / "hat" / "rates.json").read_text()).values()
    assert kept == first.gflops


def test_what_a_busy_processor_gave_is_mended_by_the_next_look(tmp_path, measured):
    for rate, expected in ((3.0, 3.0), (8.0, 8.0), (5.0, 8.0)):
        measured["rate"] = rate
        assert set(rates().gflops.values()) == {expected}
        (kept,) = json.loads((tmp_path / "hat" / "rates.json").read_text()).values()
        assert set(kept.values()) == {expected}
    measured["rate"] = 5.0
    assert set(rates(fresh=True).gflops.values()) == {5.0}


def test_a_look_at_what_is_kept_is_short(monkeypatch, measured):
    rates()
    assert set(measured["seconds"]) == {module._SECONDS}
    measured["seconds"].clear()
    rates()
    assert set(measured["seconds"]) == {module._LOOK_SECONDS}
    measured["seconds"].clear()
    measured["rate"] = 2 * module._SIZE**3 / 1e9  # a product takes a second
    monkeypatch.setattr(module, "_products", lambda precision: [None])
    rates(fresh=True)
    measured["seconds"].clear()
    rates()
    assert measured["seconds"] == []


def test_other_conditions_are_measured_anew(monkeypatch, measured):
    rates()
    measured["rate"] = 4.0
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "default")
    assert set(rates().gflops.values()) == {4.0}


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
