"""The rates of this machine's matrix products, measured and kept.

They say what share of its floor a piece of work reached, and how long the next one will take.
Figures in the documentation name them beside the machine.
"""

import contextlib
import os
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hat.errors import HatError
from hat.files import write_json
from hat.json_reader import read_object
from hat.machine.instructions import float_type
from hat.machine.onednn import is_for_onednn
from hat.machine.onednn import product as onednn_product
from hat.machine.processor import processor_name

PRECISIONS = ("fp32", "bf16", "fp16", "int8")

_SIZE = 768
"""Rows and columns: three matrices of fp32 take 7 MB, as large as those of a network's layer."""

_SECONDS = 0.25
"""How long each precision is measured, at the least once."""

_LOOK_SECONDS = 0.02
"""How long what is kept is looked at again, at the least once."""

_TOO_LONG = 0.2
"""A product that takes longer is not looked at again: its numbers are imitated."""

_CALLS, _CALL_TRIES = 200, 50

_SETTINGS = (
    *("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "FBGEMM_ENABLE_INSTRUCTIONS"),
    "MKL_ENABLE_INSTRUCTIONS",
)
"""Environment variables that take instructions away."""


@dataclass(frozen=True)
class Rates:
    """GFLOP/s of large products on the processor, by precision."""

    gflops: Mapping[str, float]
    """For ``int8``, whose products are of integers, 10^9 operations a second."""

    threads: int
    machine: str
    """The processor's name and the version of torch."""

    def __str__(self) -> str:
        figures = ", ".join(f"{name} {rate:.0f}" for name, rate in self.gflops.items())
        threads = "1 thread" if self.threads == 1 else f"{self.threads} threads"
        return f"{self.machine}, {threads}: {figures} GFLOP/s"


def rates(*, fresh: bool = False) -> Rates:
    """Returns this machine's rates with torch's current number of threads.

    They are measured in about two seconds, the first time; after that they are read from the
    user's cache folder (``$XDG_CACHE_HOME/hat``, else ``~/.cache/hat``). Another processor,
    version of torch, number of threads or set of instructions is measured anew. What else runs
    can only make a product slower, and no clock tells that it did (threads that wait for others
    are busy, too). So what is kept is looked at for a moment each time, and the faster one counts.

    Args:
        fresh: whether to measure again and forget what is kept.
    """
    import torch

    threads, machine = torch.get_num_threads(), machine_name()
    cut = [f"{name}={os.environ[name]}" for name in _SETTINGS if name in os.environ]
    key = "|".join([machine, f"threads:{threads}", "fastest library", *cut])
    path = _cache_folder() / "rates.json"
    kept = _read(path)
    before = {} if fresh else kept.get(key, {})
    found = {name: _measured(name, before.get(name)) for name in PRECISIONS}
    if found != before:
        kept[key] = found
        with contextlib.suppress(OSError, HatError):  # a folder that cannot be written
            write_json(path, kept)
    return Rates(found, threads, machine)


def call_seconds() -> float:
    """Measures how long one small product takes, which is mostly the way to it."""
    import torch

    row, weight = torch.ones(5, 64), torch.ones(64, 64)
    best = float("inf")
    for _ in range(_CALL_TRIES):
        before = time.perf_counter()
        for _ in range(_CALLS):
            torch.mm(row, weight)
        best = min(best, (time.perf_counter() - before) / _CALLS)
    return best


def has_gpu() -> bool:
    """Whether torch finds a GPU."""
    import torch

    return torch.cuda.is_available()


def machine_name() -> str:
    """Returns the processor's name and the version of torch."""
    import torch

    return f"{processor_name()} (torch {torch.__version__})"


def _measured(precision: str, kept: float | None) -> float:
    """The rate of a precision: measured, or the one that is kept if that is not slower."""
    if kept is None:
        return max(_rate(product, _SECONDS) for product in _products(precision))
    if 2 * _SIZE**3 / 1e9 / kept > _TOO_LONG:
        return kept
    return max(kept, *(_rate(product, _LOOK_SECONDS) for product in _products(precision)))


def _rate(product: Callable[[], Any], seconds: float) -> float:
    product()  # the first one includes generating its code
    best, started = float("inf"), time.perf_counter()
    while True:
        before = time.perf_counter()
        product()
        now = time.perf_counter()
        # The fastest counts: another process that runs now and then does no harm.
        best = min(best, now - before)
        if now - started > seconds:
            return float(f"{2 * _SIZE**3 / best / 1e9:.3g}")


def _products(precision: str) -> list[Callable[[], Any]]:
    """One way or several to the same product, of which the fastest counts."""
    import torch

    if precision != "int8":
        factor = torch.ones(_SIZE, _SIZE, dtype=float_type(precision))
        ways: list[Callable[[], Any]] = [lambda: torch.mm(factor, factor)]
        if is_for_onednn(factor):
            ways.append(lambda: onednn_product(factor, factor))
        return ways
    with warnings.catch_warnings():
        # torch announces that quantised tensors will move to another package
        warnings.simplefilter("ignore", UserWarning)
        weight = torch.quantize_per_tensor(torch.ones(_SIZE, _SIZE), 1 / 127, 0, torch.qint8)
        packed = torch.ops.quantized.linear_prepack(weight, None)
    rows = torch.ones(_SIZE, _SIZE)
    return [lambda: torch.ops.quantized.linear_dynamic(rows, packed, True)]


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "hat"


def _read(path: Path) -> dict[str, Any]:
    try:
        kept = read_object(path, "what was measured of this machine")
    except HatError:
        return {}
    return {key: value for key, value in kept.items() if _is_rates(value)}


def _is_rates(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and tuple(value) == PRECISIONS
        and all(isinstance(rate, int | float) and rate > 0 for rate in value.values())
    )
