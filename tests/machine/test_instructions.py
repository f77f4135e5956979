"""What the processor can do, as it is and with instructions taken away."""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from hat.machine import instructions as machine
from hat.machine.threads import limited_to

ROOT = Path(__file__).resolve().parents[2]

CUTS: dict[str, dict[str, str]] = {
    "avx2": {
        "ATEN_CPU_CAPABILITY": "avx2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "FBGEMM_ENABLE_INSTRUCTIONS": "AVX2",
    },
    "default": {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "AVX2"},
    "avx512": {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE", "FBGEMM_ENABLE_INSTRUCTIONS": "AVX512"},
}
"""Processors that this one can play: without AVX-512, and with it but without VNNI and bf16."""

SAYS = """
import json, torch
from hat.machine import instructions as machine
from hat.machine.threads import limited_to
from tests.measuring.test_precision import product_error
ranges = {}
for engine in set(torch.backends.quantized.supported_engines) & {"x86", "fbgemm", "onednn"}:
    torch.backends.quantized.engine = engine
    found = {name: product_error(name) for name in machine.INT8_RANGES}
    ranges[engine] = (machine.int8_range(), found)
print(json.dumps({"bf16": machine.in_hardware("bf16"), "ranges": ranges}))
"""


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="cuts are of x86")
@pytest.mark.parametrize("cut", CUTS)
def test_with_instructions_taken_away(cut: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SAYS],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **CUTS[cut]},
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["bf16"] is False
    assert found["ranges"]
    for engine, (chosen, errors) in found["ranges"].items():
        if engine == "onednn" or cut != "default":  # there FBGEMM's instructions are not cut
            assert chosen == machine.REDUCED
        assert errors[chosen] < 0.1
        assert (errors[machine.FULL] > 0.2) == (chosen == machine.REDUCED)


@pytest.mark.parametrize(
    ("has_kernels", "rates", "expected"),
    [
        (True, {"bf16": 400.0, "fp32": 100.0}, True),
        (True, {"bf16": 80.0, "fp32": 100.0}, False),  # AVX-512 without bf16 instructions
        (False, {}, False),
    ],
)
def test_bf16_is_in_hardware_where_it_is_faster(
    monkeypatch: pytest.MonkeyPatch, has_kernels: bool, rates: dict[str, float], expected: bool
) -> None:
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: has_kernels)
    monkeypatch.setattr(machine, "product_rates", lambda *_: rates)
    assert machine.in_hardware.__wrapped__("bf16") is expected


@pytest.mark.parametrize("expected", [True, False])
def test_a_gpu_is_asked_for_its_own_instructions(
    monkeypatch: pytest.MonkeyPatch, expected: bool
) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: expected)
    assert machine.in_hardware.__wrapped__("bf16", "cuda") is expected


def test_auto_follows_the_hardware(monkeypatch: pytest.MonkeyPatch) -> None:
    for answer, expected in ((True, "bf16"), (False, "fp32")):
        monkeypatch.setattr(machine, "in_hardware", lambda *_, answer=answer: answer)
        assert machine.auto_precision() == expected


def test_rates_are_of_the_products_that_were_asked_for() -> None:
    rates = machine.product_rates("fp32")
    assert list(rates) == ["fp32"]
    assert rates["fp32"] > 0.1


def test_a_thread_that_waits_for_another_does_not_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside one other process two threads of two cores told bf16 from fp32 by chance."""
    found: list[int] = []

    def product(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        found.append(torch.get_num_threads())
        return torch.mm(left, right)

    monkeypatch.setattr(machine, "onednn_product", product)
    monkeypatch.setattr(machine, "is_for_onednn", lambda _: True)
    with limited_to(2):
        machine.product_rates("fp32")
        assert torch.get_num_threads() == 2
    assert set(found) == {1}
