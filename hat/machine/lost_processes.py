"""A training of several processes of which one is lost: the others say so, in one sentence.

What a process meets then is an error of gloo or NCCL about a connection. It is no bug of hat's, and
its cause stands in what the lost process said, if it could.
"""

import contextlib
from collections.abc import Iterator

import torch

from hat.errors import TrainingError
from hat.machine import torchrun


@contextlib.contextmanager
def lost_processes_told() -> Iterator[None]:
    """A training in this block ends by ``TrainingError`` where another process is lost."""
    try:
        yield
    except RuntimeError as error:
        if not (torchrun.started_us() and _is_about_a_connection(error)):
            raise
        first = next(iter(str(error).splitlines()), type(error).__name__)
        raise TrainingError(
            f"process {torchrun.rank()} of {torchrun.world_size()} does not reach another one any "
            "more: look above, or in the logs of the other nodes, for what ended that one; the "
            f"same command goes on from the last checkpoint ({first:.200})"
        ) from None


def _is_about_a_connection(error: RuntimeError) -> bool:
    kinds = (torch.distributed.DistBackendError, torch.distributed.DistNetworkError)
    if isinstance(error, kinds):  # of NCCL, of the store
        return True
    text = str(error)  # gloo has no class of its own, but names its source
    return "gloo" in text.lower() and ("onnect" in text or "peer" in text or "imed out" in text)
