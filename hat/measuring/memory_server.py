"""Measures peak memory in processes that are forked from one that has run nothing.

``hat.measuring.memory`` starts ``python -m hat.measuring.memory_server``: for each line of JSON on
its input it writes one on its output, until the input ends.
"""

import importlib
import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any

IMPORTED = (
    "hat.engines.eager",
    "hat.engines.torch_engine",
    "hat.models.saved",
    "hat.translation.beam",
    "hat.translation.torch_runner",
    "onnxruntime",
    "ctranslate2",
)
"""In memory before any network is, as far as it is installed."""


def main() -> None:
    """Answers until the input ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print is no answer
    import torch

    assert torch.__version__
    for name in IMPORTED:
        if importlib.util.find_spec(name) is not None:
            importlib.import_module(name)
    for line in sys.stdin:
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.close(reader)
                os.write(writer, str(_peak_mib(**json.loads(line))).encode())
            finally:
                os._exit(0)
        os.close(writer)
        with os.fdopen(reader, "rb") as stream:
            content = stream.read()
        _, status = os.waitpid(child, 0)
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        found = {"mib": float(content)} if content else {"signal": number}
        answers.write(json.dumps(found) + "\n")


def _peak_mib(folder: str, workload: dict[str, Any]) -> float:
    """By how much the peak of this process grows when it opens a network and runs it once."""
    import torch

    from hat.latency.workload import Workload
    from hat.measuring.engines import engine_of, source_tokens
    from hat.measuring.resident import peak_resident_mib, resident_mib

    work = Workload.from_dict(workload, "the workload")
    engine = engine_of(work)
    before = resident_mib()
    assert before is not None, "the caller has asked"
    torch.set_num_threads(work.num_threads)
    runnable = engine.open(Path(folder))
    source = torch.tensor(source_tokens(work))
    passes = runnable.passes(source, beam=work.beam, steps=work.decode_steps)
    passes.encode()
    passes.decode()
    return peak_resident_mib() - before


if __name__ == "__main__":
    main()
