"""How much memory a network takes while it is loaded and run.

On the CPU: by how much the peak of the resident set of a process grows that does nothing but open
the network's files in the engine, encode once and decode once. Weights, what is packed of them,
caches, activations and what loading needs for a moment all count; Python, torch and the engine's
own library do not, since they were in memory before. The process is made from one that has
imported the engine and run nothing, so every network finds the same empty heap.

On CUDA: the peak of torch's allocator, without what was there before.
"""

from __future__ import annotations

import functools
import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from hat.errors import HatError
from hat.latency.workload import Workload
from hat.measuring.engines import engine_of, source_tokens
from hat.measuring.resident import peak_resident_mib, resident_mib

if TYPE_CHECKING:
    from hat.models.super_transformer import SuperTransformer


def peak_mib(small: SuperTransformer, workload: Workload) -> float | None:
    """Returns the mebibytes that an extracted model takes on the CPU, with a workload.

    Returns None on systems that do not tell the peak of a process.

    Raises:
        HatError: if the process ends before its time.
    """
    if resident_mib() is None:
        return None
    with TemporaryDirectory(prefix="hat-memory-") as folder:
        engine_of(workload).write(small, Path(folder))
        context = _server()
        receiver, sender = context.Pipe(duplex=False)
        child = context.Process(target=_run, args=(sender, folder, workload.to_dict()))
        child.start()
        sender.close()
        try:
            found: float = receiver.recv()
        except EOFError:
            child.join()
            raise HatError(
                f"the process that measures memory ended with code {child.exitcode}: is there "
                "enough memory for the network?"
            ) from None
        child.join()
    return found


@functools.cache
def _server() -> Any:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["hat.measuring.memory_preload"])
    return context


def _run(sender: Connection, folder: str, workload_fields: dict[str, Any]) -> None:
    import torch

    workload = Workload.from_dict(workload_fields, "the workload")
    engine = engine_of(workload)
    before = resident_mib()
    assert before is not None
    torch.set_num_threads(workload.num_threads)
    runnable = engine.open(Path(folder))
    source = torch.tensor(source_tokens(workload))
    passes = runnable.passes(source, beam=workload.beam, steps=workload.decode_steps)
    passes.encode()
    passes.decode()
    sender.send(peak_resident_mib() - before)


def cuda_peak_mib(device: str) -> Callable[[], float | None]:
    """Begins to watch torch's allocator; the function returned says the peak since, in MiB."""
    if device != "cuda":
        return lambda: None
    import torch

    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    return lambda: float(torch.cuda.max_memory_allocated() - before) / 2**20
