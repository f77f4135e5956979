"""Other number formats compute the same function, int8 over the range that is right here."""

import logging
from dataclasses import replace

import pytest
import torch

from hat.arch.space import SearchSpace
from hat.errors import ConfigError
from hat.latency.workload import Workload
from hat.machine.instructions import FULL, INT8_RANGES, REDUCED, int8_range
from hat.measuring import precision as precisions
from hat.measuring.measure import measure
from hat.measuring.precision import check_precision
from hat.models.extract import extract
from hat.models.precision import at_precision
from hat.models.super_transformer import SuperTransformer
from hat.modules.int8 import PackedWeight

TINY = {"src_len": 4, "decode_steps": 2, "runs": 1, "warmup_runs": 0}


@torch.inference_mode()
def product_error(range_of_int8: str) -> float:
    """The largest error of a (32, 256) by (256, 64) product, in standard deviations."""
    generator = torch.Generator().manual_seed(0)
    x, weight = (torch.randn(rows, 256, generator=generator) for rows in (32, 64))
    expected = x @ weight.t()
    found = PackedWeight(weight, None, range_of_int8)(x)
    return float((found - expected).abs().max() / expected.std())


def test_products_over_the_chosen_range_are_right() -> None:
    assert product_error(int8_range()) < 0.1


def test_the_reduced_range_is_right_everywhere_and_coarser() -> None:
    assert 0.02 < product_error(REDUCED) < 0.1
    # Right but finer, or wrong: then the machine must have said so.
    full = product_error(FULL)
    assert full < 0.05 if int8_range() == FULL else full > 0.2


@pytest.mark.parametrize(
    ("precision", "tolerance"), [("fp32", 0.0), ("bf16", 0.1), ("fp16", 0.02), ("int8", 0.15)]
)
@pytest.mark.parametrize("unequal_widths", [False, True])
def test_precisions_compute_the_same_function(
    model: SuperTransformer,
    tiny_space: SearchSpace,
    precision: str,
    tolerance: float,
    unequal_widths: bool,
) -> None:
    space = replace(tiny_space, decoder_embed_dims=(16 if unequal_widths else 32,))
    arch = space.largest()
    small = extract(model, arch).eval()
    source, target = torch.randint(4, 50, (3, 7)), torch.randint(4, 60, (3, 5))
    with torch.inference_mode():
        expected = small(source, None, target)
        found = at_precision(extract(model, arch), precision).eval()(source, None, target).float()
    assert (found - expected).abs().max() <= tolerance * expected.std()
    if precision != "fp32":
        assert not torch.equal(found, expected)


@pytest.mark.parametrize("range_of_int8", INT8_RANGES)
def test_both_ranges_of_int8(
    model: SuperTransformer, tiny_space: SearchSpace, range_of_int8: str
) -> None:
    arch = tiny_space.largest()
    source, target = torch.randint(4, 50, (3, 7)), torch.randint(4, 60, (3, 5))
    with torch.inference_mode():
        expected = extract(model, arch).eval()(source, None, target)
        small = at_precision(extract(model, arch), "int8", range_of_int8).eval()
        error = (small(source, None, target) - expected).abs().max() / expected.std()
    packed = [each for each in small.modules() if hasattr(each, "_weight")]
    assert packed and all(
        each._weight._is_reduced is (range_of_int8 == REDUCED)  # type: ignore[union-attr]
        for each in packed
    )
    if range_of_int8 == REDUCED or int8_range() == FULL:
        assert error < 0.2


def test_the_range_of_the_workload_is_what_runs(
    model: SuperTransformer, tiny_space: SearchSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = set()
    init = PackedWeight.__init__

    def spy(self: PackedWeight, weight: object, bias: object, range_of_int8: str) -> None:
        seen.add(range_of_int8)
        init(self, weight, bias, range_of_int8)  # type: ignore[arg-type]

    monkeypatch.setattr(PackedWeight, "__init__", spy)
    measure(model, tiny_space.smallest(), Workload(precision="int8", int8_range=REDUCED, **TINY))
    assert seen == {REDUCED}


def test_the_full_range_is_refused_where_it_overflows(
    model: SuperTransformer, tiny_space: SearchSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precisions, "int8_range", lambda: REDUCED)
    check_precision(Workload(precision="int8", int8_range=REDUCED))
    workload = Workload(precision="int8", int8_range=FULL, **TINY)
    with pytest.raises(ConfigError, match="int8 over the full range, but without VNNI"):
        measure(model, tiny_space.smallest(), workload)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_a_slow_precision_is_measured_and_said_once(
    model: SuperTransformer,
    tiny_space: SearchSpace,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    precision: str,
) -> None:
    monkeypatch.setattr(precisions, "in_hardware", lambda name: False)
    precisions._say_slow.cache_clear()
    asked = []

    def spy(small: SuperTransformer, *settings: object) -> SuperTransformer:
        asked.append(settings[0])
        return at_precision(small, *settings)  # type: ignore[arg-type]

    monkeypatch.setattr("hat.models.precision.at_precision", spy)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            measure(model, tiny_space.smallest(), Workload(precision=precision, **TINY))
    assert asked == [precision, precision]
    (record,) = caplog.records
    assert f"{precision} is not in this machine's hardware" in record.getMessage()
    assert "faster in fp32" in record.getMessage()


def test_what_is_in_hardware_needs_no_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(precisions, "in_hardware", lambda name: True)
    for workload in (Workload(precision="bf16"), Workload(), Workload(precision="int8")):
        check_precision(workload)
    assert not caplog.records
