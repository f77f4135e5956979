"""What this machine and this installation are good for, and what to do about what is found."""

import importlib
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from hat.cli.extras import BUILD_FAIRSEQ, EXTRAS, install_command
from hat.machine.instructions import int8_range
from hat.machine.rates import rates
from hat.machine.threads import cores
from hat.measuring.device import device_facts
from hat.measuring.gpu_rates import product_rates
from hat.measuring.noise import TimingNoise, timing_noise
from hat.numerals import number_of
from hat.version import __version__

ENGINES = ("onnx", "onnxruntime", "ctranslate2")

PACKAGES = (
    *("torch", "numpy", "scipy", "scikit-learn", "pymoo", "sacrebleu", "sacremoses"),
    *("subword-nmt", "sentencepiece", "fastBPE", "fairseq-fixed", *ENGINES),
)
"""Distributions whose versions are told."""

_OLDEST, _NEWEST = (3, 11), (3, 13)
"""Versions of Python that hat is tried on."""

_FREE_GIB = 5.0
"""Less is little for data, checkpoints and logs of one task."""

_MEMORY_GIB = 4.0
"""Less is little for training the demo's SuperTransformer beside other programs."""

_NOISE_PERCENT = 3.0
"""More and a run of a latency dataset needs more repeats than by default."""

_DISTURBED_PERCENT = 5.0
_DRIFT_PERCENT = 10.0
_BUSY_PERCENT = 95.0
_STOLEN_PERCENT = 1.0


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    topic: str
    level: Literal["ok", "note", "warning"]
    """``note``: something is less than it could be; ``warning``: it will get in your way."""

    text: str
    advice: str = ""
    """What to do; nothing where all is well."""

    def lines(self) -> list[str]:
        """Returns it as it is printed."""
        mark = {"ok": " ", "note": "-", "warning": "!"}[self.level]
        head = f"{mark} {self.topic:<11} {self.text}"
        return [head, *([f"{'':<14}-> {self.advice}"] if self.advice else [])]


@dataclass(frozen=True)
class Checkup:
    """Everything that was found."""

    facts: Mapping[str, Any]
    """For programs: versions, machine, rates, noise."""

    findings: tuple[Finding, ...]

    def figures(self) -> dict[str, Any]:
        """Returns facts and findings as JSON can hold them."""
        return {**self.facts, "findings": [asdict(finding) for finding in self.findings]}


def check_up(folder: Path, *, measure: bool = True) -> Checkup:
    """Looks at everything.

    Args:
        folder: where the user works: its disk is looked at.
        measure: whether to spend five seconds on rates and noise.
    """
    versions = {name: _version(name) for name in PACKAGES}
    device = device_facts("cpu", torch.get_num_threads())
    free_gib = shutil.disk_usage(folder).free / 2**30
    gpus = [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())]
    facts: dict[str, Any] = {
        "hat": __version__,
        "python": platform.python_version(),
        "versions": versions,
        "device": device,
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "int8_range": int8_range(),
        "cores": cores(),
        "gpus": gpus,
        "cuda_build": torch.version.cuda,
        "free_gib": round(free_gib, 1),
    }
    gpu_tflops = product_rates() if gpus and measure else {}
    findings = [
        *_software(versions),
        *_processor(device, facts),
        _gpu(gpus, gpu_tflops),
        *_room(folder, free_gib, device),
    ]
    if measure:
        noise = timing_noise()
        # What a busy machine reaches is not kept in the place of what it can.
        measured = rates(fresh=noise.busy_percent >= _BUSY_PERCENT)
        facts |= {"gflops": dict(measured.gflops), "noise": asdict(noise)}
        facts |= {"gpu_tflops": gpu_tflops} if gpu_tflops else {}
        findings += [_rates(measured.gflops), *_steadiness(noise)]
    return Checkup(facts, tuple(findings))


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _software(versions: Mapping[str, str | None]) -> Iterator[Finding]:
    python = platform.python_version()
    if _OLDEST <= sys.version_info[:2] <= _NEWEST:
        yield Finding("python", "ok", f"{python}, {platform.system()} {platform.machine()}")
    else:
        tried = f"{_OLDEST[0]}.{_OLDEST[1]} to {_NEWEST[0]}.{_NEWEST[1]}"
        yield Finding("python", "note", python, f"hat is tried on Python {tried}")
    there = [f"{name} {version}" for name, version in versions.items() if version]
    yield Finding("hat", "ok", f"{__version__} with {', '.join(there)}")
    yield _fairseq(versions["fairseq-fixed"])
    if versions["fastBPE"] is None:
        yield Finding(
            "fastBPE",
            "note",
            "not installed: subword-nmt applies BPE, with the same result but much slower",
            install_command(EXTRAS["fastBPE"]),
        )
    if lacking := [name for name in ENGINES if versions[name] is None]:
        yield Finding(
            "engines",
            "note",
            f"{', '.join(lacking)} not installed: no measuring in them, no exporting for them",
            install_command(EXTRAS[lacking[0]]),
        )


def _fairseq(version: str | None) -> Finding:
    install = install_command(EXTRAS["fairseq"])
    if importlib.util.find_spec("fairseq") is None:
        return Finding(
            "fairseq",
            "note",
            "not installed: no training, and no search by a SuperTransformer's weights",
            install,
        )
    try:
        importlib.import_module("fairseq.tasks.translation")
    except Exception as error:  # whatever it is, this is the place to tell
        reason = " ".join(str(error).split())
        return Finding(
            "fairseq",
            "warning",
            f"cannot be imported: {type(error).__name__}: {reason}",
            f"build it against this torch: {BUILD_FAIRSEQ}, then {install}",
        )
    if "+hat" not in (version or ""):
        return Finding(
            "fairseq",
            "note",
            f"{version} works, but is not the patched build: a coming torch may break it",
            f"{BUILD_FAIRSEQ}, then {install}",
        )
    return Finding("fairseq", "ok", f"{version} works")


def _processor(device: Mapping[str, Any], facts: Mapping[str, Any]) -> Iterator[Finding]:
    usable, threads = int(facts["cores"]), int(device["num_threads"])
    on_cores = f"on {number_of(usable, 'core')}"
    running = f"{number_of(threads, 'thread')} {on_cores}"
    text = f"{device['name']}, {facts['instructions']}, {running}"
    if threads > usable:
        advice = f"export OMP_NUM_THREADS={usable}: more threads than cores wait for each other"
        yield Finding("processor", "warning", text, advice)
    elif threads < usable:
        advice = f"training is faster with OMP_NUM_THREADS={usable}; measuring has --lat-threads"
        yield Finding("processor", "note", text, advice)
    else:
        yield Finding("processor", "ok", text)
    if facts["int8_range"] != "full":
        yield Finding(
            "int8",
            "note",
            "products of 8 bits overflow at full range here, so the half is used",
            "compare int8 latencies with machines of the same range only",
        )
    load = device.get("load_average")
    if load is not None and load > 0.5:
        yield Finding(
            "load",
            "warning" if load > usable else "note",
            f"{load:.1f} programs want to run {on_cores}",
            "measure latencies when the machine is quiet: ps aux --sort=-%cpu | head",
        )
    governor = device.get("cpu_governor")
    now, top = device.get("cpu_clock_mhz"), device.get("cpu_clock_max_mhz")
    speed = " of ".join(f"{mhz:.0f}" for mhz in (now, top) if mhz is not None)
    if governor not in (None, "performance"):
        yield Finding(
            "clock",
            "note",
            f"the governor is {governor}{f', {speed} MHz' if speed else ''}",
            "for measuring: sudo cpupower frequency-set -g performance",
        )
    elif speed:
        told = "" if governor else "; the governor is not told, as in a virtual machine"
        yield Finding("clock", "ok", f"{speed} MHz{told}")


def _gpu(names: list[str], tflops: Mapping[str, float]) -> Finding:
    if names:
        rates = ", ".join(f"{name} {rate:.0f}" for name, rate in tflops.items())
        told = f": {rates} TFLOP/s" if rates else ""
        return Finding("gpu", "ok", f"{', '.join(names)} (CUDA {torch.version.cuda}){told}")
    if Path("/proc/driver/nvidia/version").exists():
        reason = "is built without CUDA" if torch.version.cuda is None else "does not find it"
        advice = "install a torch with CUDA, or a driver that is new enough for this one"
        return Finding("gpu", "warning", f"there is an NVIDIA driver, but torch {reason}", advice)
    return Finding("gpu", "ok", "none: everything runs on the processor")


def _room(folder: Path, free_gib: float, device: Mapping[str, Any]) -> Iterator[Finding]:
    text = f"{free_gib:.0f} GiB free at {folder.resolve()}"
    if not os.access(folder, os.W_OK):
        yield Finding("disk", "warning", f"{folder.resolve()} cannot be written", "work elsewhere")
    elif free_gib < _FREE_GIB:
        yield Finding("disk", "warning", text, "training keeps checkpoints: make room, or keep few")
    else:
        yield Finding("disk", "ok", text)
    free_mib = device.get("memory_available_mib")
    if free_mib is not None:
        little = free_mib / 1024 < _MEMORY_GIB
        yield Finding(
            "memory",
            "note" if little else "ok",
            f"{free_mib / 1024:.1f} of {device['memory_total_mib'] / 1024:.1f} GiB available",
            "smaller batches take less: max-tokens in the YAML file of training" if little else "",
        )


def _rates(gflops: Mapping[str, float]) -> Finding:
    text = ", ".join(f"{name} {rate:.0f}" for name, rate in gflops.items()) + " GFLOP/s"
    full = gflops["fp32"]
    gains = [
        f"{name} {gflops[name] / full:.1f} times as fast as fp32"
        for name in ("bf16", "int8")
        if gflops[name] > 1.2 * full
    ]
    slow = [name for name in ("bf16", "int8") if gflops[name] < full]
    if gains:
        return Finding("rates", "ok", f"{text}: {', '.join(gains)}")
    verb = "is" if len(slow) == 1 else "are"
    advice = f"use fp32 here: {' and '.join(slow)} {verb} slower" if slow else ""
    return Finding("rates", "note" if slow else "ok", text, advice)


def _steadiness(noise: TimingNoise) -> Iterator[Finding]:
    text = (
        f"noise {noise.noise_percent:.1f} %, {noise.disturbed_percent:.0f} % of {noise.runs} runs "
        f"disturbed, drift {noise.drift_percent:.0f} %"
    )
    advice = []
    if noise.noise_percent > _NOISE_PERCENT or noise.disturbed_percent > _DISTURBED_PERCENT:
        advice.append("more runs for each measurement: --latiter 50")
    if noise.drift_percent > _DRIFT_PERCENT:
        advice.append("the speed changes: keep --lat-patience, which waits, and compare in turns")
    yield Finding("timing", "warning" if advice else "ok", text, "; ".join(advice))
    if noise.busy_percent < _BUSY_PERCENT:
        yield Finding(
            "neighbours",
            "warning",
            f"one thread ran only {noise.busy_percent:.0f} % of the time: others share its core",
            "stop them, or measure on cores of your own: taskset -c 0,1 hat ...",
        )
    if noise.stolen_percent is not None and noise.stolen_percent > _STOLEN_PERCENT:
        yield Finding(
            "host",
            "warning",
            f"the host of this virtual machine took {noise.stolen_percent:.0f} % of its time",
            "latencies of this machine are not those of one that has the processor for itself",
        )
