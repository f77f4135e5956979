"""What the doctor finds, and that nothing is found without something to do about it."""

import importlib
import json
import re
from pathlib import Path

import numpy as np
import pytest

from hat.cli.main import main as hat
from hat.measuring import doctor
from hat.measuring.gpu_rates import product_rates
from hat.measuring.noise import summary, timing_noise

QUIET = {"busy": 1.0, "stolen_percent": 0.0}


def times(count=1000, noise=0.01):
    return list(1e-3 * (1 + noise * np.random.default_rng(1).standard_normal(count)))


def test_normal_noise_is_measured_and_nothing_else_is_seen():
    found = summary(times(), **QUIET)
    assert found.noise_percent == pytest.approx(1.0, rel=0.25)
    assert found.disturbed_percent == 0 and found.drift_percent < 1


def test_disturbances_do_not_count_as_noise_but_as_what_they_are():
    some = times()
    some[::10] = [3e-3] * 100
    found = summary(some, **QUIET)
    assert found.noise_percent < 2 and found.disturbed_percent == pytest.approx(10, abs=0.1)


def test_a_change_of_speed_is_drift():
    found = summary([*times(500), *(1.5 * t for t in times(500))], **QUIET)
    assert found.drift_percent == pytest.approx(50, abs=2)


def test_it_times_products_on_one_thread_and_leaves_the_threads_as_they_were():
    import torch

    before = torch.get_num_threads()
    found = timing_noise(0.02)
    assert found.runs >= 1 and 0 <= found.busy_percent <= 100
    assert torch.get_num_threads() == before


def by_topic(findings):
    return {finding.topic: finding for finding in findings}


def test_this_machine_is_looked_at_and_every_complaint_has_advice(tmp_path):
    found = doctor.check_up(tmp_path, measure=False)
    topics = by_topic(found.findings)
    assert {"python", "hat", "fairseq", "processor", "gpu", "disk", "memory"} <= topics.keys()
    for finding in found.findings:
        assert (finding.level == "ok") == (finding.advice == ""), finding
    json.dumps(found.figures(), allow_nan=False)


def test_what_is_missing_is_said_with_the_command_that_brings_it(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(doctor, "_version", lambda name: None)
    topics = by_topic(doctor.check_up(tmp_path, measure=False).findings)
    assert topics["fairseq"].advice.startswith("hat build-fairseq wheels, then pip install")
    assert topics["fastBPE"].level == "note"
    assert topics["fastBPE"].advice.startswith("hat build-fairseq wheels, then pip install")
    assert topics["engines"].text.startswith("onnx, onnxruntime, ctranslate2 not installed")
    assert topics["engines"].advice == 'pip install "hat-nas[engines]"'


def test_a_fairseq_that_cannot_be_imported_is_named_with_its_reason(monkeypatch):
    def broken(name):
        raise ImportError("undefined symbol:\n x")

    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: True)
    monkeypatch.setattr(doctor.importlib, "import_module", broken)
    found = doctor._fairseq("0.12.3.1+hat3")
    assert found.level == "warning" and "ImportError: undefined symbol: x" in found.text
    monkeypatch.setattr(importlib, "import_module", lambda name: None)
    assert doctor._fairseq("0.12.3.1+hat3").level == "ok"
    assert doctor._fairseq("0.12.3.1").level == "note"


@pytest.mark.parametrize(
    ("facts", "topic", "level"),
    [
        ({"num_threads": 8}, "processor", "warning"),
        ({"num_threads": 1}, "processor", "note"),
        ({"load_average": 3.0}, "load", "warning"),
        ({"load_average": 1.0}, "load", "note"),
        ({"cpu_governor": "powersave", "cpu_clock_mhz": 800.0}, "clock", "note"),
        ({"cpu_governor": "performance", "cpu_clock_mhz": 800.0}, "clock", "ok"),
    ],
)
def test_the_processor(facts, topic, level):
    device = {"name": "P", "num_threads": 2, **facts}
    told = {"cores": 2, "instructions": "AVX2", "int8_range": "full"}
    assert by_topic(doctor._processor(device, told))[topic].level == level


def test_one_core_is_no_plural():
    told = {"cores": 1, "instructions": "AVX2", "int8_range": "full"}
    device = {"name": "P", "num_threads": 1, "load_average": 1.5}
    found = by_topic(doctor._processor(device, told))
    assert found["processor"].text.endswith("1 thread on 1 core")
    assert found["load"].text.endswith("on 1 core")


def test_a_disk_that_is_full_and_memory_that_is_short():
    device = {"memory_available_mib": 1024, "memory_total_mib": 2048}
    found = by_topic(doctor._room(Path(), 1.0, device))
    assert found["disk"].level == "warning" and found["memory"].level == "note"


@pytest.mark.parametrize(
    ("bf16", "int8", "level", "text"),
    [
        (30.0, 8.0, "ok", "bf16 3.0 times as fast as fp32"),
        (3.0, 40.0, "ok", "int8 4.0 times as fast as fp32"),
        (3.0, 8.0, "note", "use fp32 here: bf16 and int8 are slower"),
        (11.0, 8.0, "note", "use fp32 here: int8 is slower"),
    ],
)
def test_rates_say_what_to_use(bf16, int8, level, text):
    found = doctor._rates({"fp32": 10.0, "bf16": bf16, "fp16": 1.0, "int8": int8})
    assert found.level == level and text in f"{found.text} {found.advice}"


def test_a_busy_machine_is_told_apart_from_a_noisy_one():
    busy = by_topic(doctor._steadiness(summary(times(), busy=0.5, stolen_percent=20.0)))
    assert busy["neighbours"].level == busy["host"].level == "warning"
    assert busy["timing"].level == "ok"
    noisy = by_topic(doctor._steadiness(summary(times(noise=0.1), **QUIET)))
    assert noisy["timing"].level == "warning" and noisy.keys() == {"timing"}


def test_a_gpu_s_rates_are_told(monkeypatch):
    rates = product_rates(("fp32",), size=64, device="cpu")
    assert rates.keys() == {"fp32"} and 0 < rates["fp32"] < 100
    monkeypatch.setattr(doctor.torch.version, "cuda", "13.0")
    found = doctor._gpu(["H100"], {"fp32": 51.9, "bf16": 787.2})
    assert found.text == "H100 (CUDA 13.0): fp32 52, bf16 787 TFLOP/s"
    assert doctor._gpu(["H100"], {}).text == "H100 (CUDA 13.0)"


def test_the_command_prints_one_line_of_json_on_request(capsys):
    hat(["doctor", "--json", "--no-measure"])
    (line,) = capsys.readouterr().out.splitlines()
    assert {"versions", "findings", "device"} <= json.loads(line).keys()
    hat(["doctor", "--no-measure"])
    last = capsys.readouterr().out.splitlines()[-1]
    assert re.fullmatch(
        r"(1 warning|(?!1 )\d+ warnings) \(!\), (1 note|(?!1 )\d+ notes) \(-\)", last
    )
