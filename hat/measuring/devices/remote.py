"""What runs on a device that has neither hat nor torch: times the networks that are sent to it.

hat sends this file as it is, with ``timing.py``, ``resident.py``, ``energy.py``, ``processor.py``
and the script of an engine as ``network.py``; it imports these and the standard library alone. It
is told what to do by lines of JSON, some of which are followed by the bytes that they announce, and
answers each with one line of JSON. Every network is timed in a process of its own, forked after the
engine's package was imported: so its memory can be told, and what it breaks is only itself.
"""

from __future__ import annotations

import dataclasses
import importlib
import io
import json
import os
import platform
import shutil
import sys
import types
import zipfile
from pathlib import Path
from typing import Any, BinaryIO


def serve(stream: BinaryIO, folder: str) -> None:
    """Answers until the stream ends.

    Args:
        stream: what is told.
        folder: where networks may lie; the caller removes it.
    """
    # What libraries print goes to standard error: standard output is the answers' alone.
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)

    def answer(**values: Any) -> None:
        answers.write(json.dumps(values).encode() + b"\n")

    try:
        network = importlib.import_module("network")
    except ImportError as error:
        answer(error="import", package=error.name or "", reason=str(error), python=sys.executable)
        return
    answer(ready=True, facts=_facts(), version=_version(network))
    while True:
        line = stream.readline()
        if not line:
            return
        order = json.loads(line)
        places = Path(folder, "networks")
        if order["do"] == "keep":
            for name, size in order["sizes"].items():
                content = stream.read(size)
                if len(content) < size:
                    return
                with zipfile.ZipFile(io.BytesIO(content)) as archive:
                    archive.extractall(places / name)
                del content
            answer(kept=list(order["sizes"]))
        elif order["do"] == "drop":
            for name in order["names"]:
                shutil.rmtree(places / name)
            answer(dropped=order["names"])
        else:
            answer(**_in_a_child(network, places / order["name"], order))


def _in_a_child(network: Any, place: Path, order: dict[str, Any]) -> dict[str, Any]:
    """What ``_time`` returns, from a process that is forked for it."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(reader)
            try:
                found = _time(network, place, order)
            except Exception as error:
                found = {"error": "run", "reason": f"{type(error).__name__}: {error}"}
            os.write(writer, json.dumps(found).encode())
            code = 0
        finally:
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        content = stream.read()
    _, status = os.waitpid(child, 0)
    if not content:
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
        reason = f"the process was ended by signal {number}" if number else "the process ended"
        return {"error": "run", "reason": reason}
    found_there: dict[str, Any] = json.loads(content)
    return found_there


def _time(network: Any, place: Path, order: dict[str, Any]) -> dict[str, Any]:
    """Loads a network and times it; see ``hat.measuring.timing``."""
    timing: Any = importlib.import_module("timing")
    resident: Any = importlib.import_module("resident")
    energy: Any = importlib.import_module("energy")
    workload = types.SimpleNamespace(**order["workload"])
    before = resident.resident_mib()
    loaded = network.load(place, threads=workload.num_threads)
    passes = loaded.passes(order["source"], beam=workload.beam, steps=workload.decode_steps)
    meter = energy.energy_meter("cpu")
    encoder, decoder = timing.time_passes(passes, workload, timing.CpuClock(), meter)
    memory = None if before is None else resident.peak_resident_mib() - before
    return {
        "encoder": list(dataclasses.astuple(encoder)),
        "decoder": list(dataclasses.astuple(decoder)),
        "memory_mib": memory,
    }


def _version(network: Any) -> str:
    """The version of the engine's package, which the script of the engine imports."""
    for name in ("onnxruntime", "ctranslate2"):
        if name in sys.modules:
            return str(sys.modules[name].__version__)
    return str(getattr(network, "VERSION", "unknown"))


def _facts() -> dict[str, Any]:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    facts = {
        "name": importlib.import_module("processor").processor_name(),
        "machine": platform.machine(),
        "system": f"{platform.system()} {platform.release()}",
        "cpu_count": os.cpu_count(),
        "usable_cpus": usable,
        "load_average": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
    }
    return {name: value for name, value in facts.items() if value is not None}
