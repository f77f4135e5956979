"""The name of the processor, and what else Linux tells of the machine in lines of text."""

import platform
from pathlib import Path

_CPUINFO = "/proc/cpuinfo"


def processor_name() -> str:
    """Returns for example ``AMD EPYC``."""
    for key in ("model name", "Model", "Hardware"):
        value = first_value(_CPUINFO, key)
        if value:
            return value
    return platform.processor() or platform.machine()


def first_value(path: str, key: str) -> str | None:
    """Returns what the first line ``key: value`` of a file says; None if there is none."""
    for line in (file_text(path) or "").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return None


def file_text(path: str) -> str | None:
    """Returns a file's text without blanks around it; None if it cannot be read."""
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError:
        return None
