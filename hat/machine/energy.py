"""How much energy the processor or the GPU has used, where the machine says so to everybody.

Linux shows the counters of Intel's and AMD's processors (RAPL) under ``/sys/class/powercap``; on
many machines only root may read them, and then there is no figure. hat sends this file as it is to
devices that have neither hat nor torch, so it imports the standard library alone.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path

POWERCAP = Path("/sys/class/powercap")


def energy_meter(device: str, powercap: Path = POWERCAP) -> Callable[[], float] | None:
    """Returns what says how many joules were used since some moment; None where nothing does.

    Args:
        device: ``cpu``: all packages together, whoever used them; ``cuda``: the first GPU.
        powercap: where the kernel shows counters.
    """
    if device == "cuda":
        return _nvml()
    domains = []
    for folder in sorted(powercap.glob("*-rapl:*")):
        if folder.name.count(":") == 1:  # a package; what it consists of has a second colon
            try:
                domains.append(_Rapl(folder))
            except (OSError, ValueError):
                return None  # part of the energy is no figure
    return (lambda: sum(each.joules() for each in domains)) if domains else None


class _Rapl:
    """One counter in microjoules, which begins again at zero when it is full."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "energy_uj"
        self._full = int((folder / "max_energy_range_uj").read_text())
        self._last, self._rounds = int(self._file.read_text()), 0

    def joules(self) -> float:
        now = int(self._file.read_text())
        self._rounds += now < self._last
        self._last = now
        return (self._rounds * self._full + now) / 1e6


def _nvml() -> Callable[[], float] | None:
    """NVIDIA's counter of the first GPU, since its driver was loaded (Volta and later)."""
    try:
        nvml = ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return None
    handle, used = ctypes.c_void_p(), ctypes.c_ulonglong()
    if nvml.nvmlInit_v2() or nvml.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(handle)):
        return None
    if nvml.nvmlDeviceGetTotalEnergyConsumption(handle, ctypes.byref(used)):
        return None

    def joules() -> float:
        nvml.nvmlDeviceGetTotalEnergyConsumption(handle, ctypes.byref(used))
        return used.value / 1e3

    return joules
