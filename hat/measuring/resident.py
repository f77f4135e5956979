"""The resident set of this process, now and at its largest, as Linux tells it.

hat sends this file as it is to devices that have neither hat nor torch, so it imports the standard
library alone.
"""

from __future__ import annotations

from pathlib import Path

_STATUS = Path("/proc/self/status")


def resident_mib() -> float | None:
    """Mebibytes of this process that are in memory; None where the system does not tell."""
    return _field("VmRSS")


def peak_resident_mib() -> float:
    """The most mebibytes of this process that have been in memory at once, since it began.

    A forked process begins with what it has taken over.
    """
    return _field("VmHWM") or 0.0


def _field(name: str) -> float | None:
    try:
        lines = _STATUS.read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    return None
