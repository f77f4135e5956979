"""What can be learned of the machine without privileges: it stands beside every dataset."""

import os
import platform
from typing import Any

import torch

from hat.errors import ConfigError
from hat.machine.processor import file_text, first_value, processor_name


def check_device(device: str) -> None:
    """Checks that the device is there.

    Raises:
        ConfigError: if ``cuda`` is asked for on a machine without a GPU that torch can use.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("--latgpu needs a CUDA GPU, but torch finds none here: use --latcpu")


def device_name(device: str) -> str:
    """Returns the processor's or the GPU's name, for example ``AMD EPYC``."""
    if device == "cuda":
        return str(torch.cuda.get_device_name())
    return processor_name()


def device_facts(device: str, num_threads: int) -> dict[str, Any]:
    """Returns name, threads, clock, memory and load, as far as this machine tells."""
    facts: dict[str, Any] = {
        "name": device_name(device),
        "machine": platform.machine(),
        "system": f"{platform.system()} {platform.release()}",
        "cpu_count": os.cpu_count(),
        "usable_cpus": _usable_cpus(),
        "num_threads": num_threads,
        "cpu_clock_mhz": _first_number("/proc/cpuinfo", "cpu MHz"),
        "cpu_clock_max_mhz": _khz("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq"),
        "cpu_governor": file_text("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        "memory_total_mib": _kib("MemTotal"),
        "memory_available_mib": _kib("MemAvailable"),
        "load_average": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        "torch": torch.__version__,
    }
    if device == "cuda":
        properties = torch.cuda.get_device_properties(torch.cuda.current_device())
        facts["gpu_memory_mib"] = properties.total_memory // 2**20
        facts["gpu_capability"] = f"{properties.major}.{properties.minor}"
        facts["cuda"] = torch.version.cuda
    return {name: value for name, value in facts.items() if value is not None}


def _usable_cpus() -> int | None:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None


def _first_number(path: str, key: str) -> float | None:
    value = first_value(path, key)
    try:
        return float(value.split()[0]) if value else None
    except ValueError:
        return None


def _khz(path: str) -> float | None:
    value = file_text(path)
    return float(value) / 1000 if value and value.isdigit() else None


def _kib(key: str) -> int | None:
    value = _first_number("/proc/meminfo", key)
    return None if value is None else int(value) // 1024
