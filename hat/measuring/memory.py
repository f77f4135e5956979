"""How much memory a network takes while it is loaded and run.

On the CPU: by how much the peak of the resident set of a process grows that does nothing but open
the network's files in the engine, encode once and decode once. Weights, what is packed of them,
caches, activations and what loading needs for a moment all count; Python, torch and the engine's
own library do not, since they were in memory before, but for their pages that nobody had touched.
The process is forked from one that has imported the engines and run nothing, so every network
finds the same empty heap.

On CUDA: the peak of torch's allocator, without what was there before.
"""

import functools
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from hat.errors import HatError
from hat.latency.workload import Workload
from hat.measuring.engines import engine_of
from hat.measuring.resident import resident_mib

if TYPE_CHECKING:
    from hat.models.super_transformer import SuperTransformer


def peak_mib(small: "SuperTransformer", workload: Workload) -> float | None:
    """Returns the mebibytes that an extracted model takes on the CPU, with a workload.

    Returns None on systems that do not tell the peak of a process.

    Raises:
        HatError: if the process ends before its time.
    """
    if resident_mib() is None:
        return None
    with TemporaryDirectory(prefix="hat-memory-") as folder:
        engine_of(workload).write(small, Path(folder))
        server = _server()
        assert server.stdin is not None and server.stdout is not None
        order = {"folder": folder, "workload": workload.to_dict()}
        try:
            server.stdin.write(json.dumps(order) + "\n")
            server.stdin.flush()
            found = json.loads(server.stdout.readline() or "{}")
        except OSError:
            found = {}
    if "mib" in found:
        return float(found["mib"])
    _server.cache_clear()
    why = f" by signal {found['signal']}" if found.get("signal") else ""
    raise HatError(
        f"the process that measures memory was ended{why}: is there enough memory for the network?"
    )


@functools.cache
def _server() -> "subprocess.Popen[str]":
    """The process that others are forked from. It ends when this one does, since its input does."""
    paths = os.pathsep.join(path for path in sys.path if path)
    return subprocess.Popen(
        [sys.executable, "-m", "hat.measuring.memory_server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
    )


def cuda_peak_mib(device: str) -> Callable[[], float | None]:
    """Begins to watch torch's allocator; the function returned says the peak since, in MiB."""
    if device != "cuda":
        return lambda: None
    import torch

    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    return lambda: float(torch.cuda.max_memory_allocated() - before) / 2**20
