"""Scoring spread over processes: ``torchrun`` starts them, the first one drives, the others serve.

Only the driver searches. The others wait for architectures to score, so a search is the same
program with one process or with many, and its outcome the same to the last bit: what an
architecture scores does not depend on where or beside what it is scored.
"""

import json
import os
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from datetime import timedelta
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import torch
from torch import distributed as dist

from hat.arrays import Floats
from hat.machine import torchrun

A = TypeVar("A", bound=Hashable)
"""The type of an architecture."""


EvaluateBlock = Callable[[Sequence[A], int], Floats]
"""Losses (N, sentences) of N architectures on one block of the validation set."""

_STOP: Any = None


class Codec(Protocol[A]):
    """Architectures as plain JSON values and back."""

    def to_json(self, arch: A) -> Any:
        """Returns JSON values that describe ``arch``."""

    def from_json(self, value: Any) -> A:
        """Returns the architecture that ``value`` describes."""


def num_processes() -> int:
    """How many processes ``torchrun`` started; 1 without it."""
    return torchrun.world_size()


def process_rank() -> int:
    """Which of them this is; 0 drives."""
    return torchrun.rank()


@contextmanager
def processes() -> Iterator[None]:
    """Joins the processes that ``torchrun`` started; does nothing without it.

    What travels is small and lives in the memory of the CPU, so gloo carries it whatever the
    device that scores; each process has a GPU of its own, ``cuda:LOCAL_RANK``, or shares one where
    there are fewer. Only the driver prints. When it is done it lets the others go; when it fails,
    ``torchrun`` ends them.
    """
    if num_processes() == 1:
        yield
        return
    # The others wait while the driver measures and trains, however long that takes.
    dist.init_process_group("gloo", timeout=timedelta(days=30))
    if torch.cuda.is_available():
        torch.cuda.set_device(torchrun.local_rank() % torch.cuda.device_count())
    if process_rank() == 0:
        yield
        _send(_STOP)
    else:
        with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
            yield
    dist.destroy_process_group()


class Spread(Generic[A]):
    """Calls a function of (architectures, block), each process with its share of them.

    There is one of these in a process, because ``serve`` knows of one function only.
    """

    def __init__(
        self,
        evaluate: EvaluateBlock[A],
        codec: Codec[A],
        *,
        neighbours: Callable[[A], Any] | None = None,
    ) -> None:
        """Prepares the calls.

        Args:
            evaluate: does the work.
            codec: architectures as JSON, to send them.
            neighbours: architectures that are close in its order are cheaper together, so they
                go to the same process; None: in turn.
        """
        self._evaluate = evaluate
        self._codec = codec
        self._neighbours = neighbours

    def __call__(self, archs: Sequence[A], block: int) -> Floats:
        """In the driver: scores N architectures with the help of all: (N, sentences)."""
        world = num_processes()
        if world == 1 or not archs:
            return self._evaluate(archs, block)
        _send({"block": block, "archs": [self._codec.to_json(arch) for arch in archs]})
        shares = self._shares(archs)
        mine = self._evaluate([archs[index] for index in shares[0]], block)
        rows = np.empty((len(archs), mine.shape[1]))
        rows[shares[0]] = mine
        for rank in range(1, min(world, len(archs))):
            share = torch.empty(len(shares[rank]), mine.shape[1], dtype=torch.float64)
            dist.recv(share, src=rank)
            rows[shares[rank]] = share.numpy()
        return rows

    def serve(self) -> None:
        """In every other process: scores shares until the driver is done."""
        while (request := _receive()) is not _STOP:
            archs = [self._codec.from_json(value) for value in request["archs"]]
            mine = [archs[index] for index in self._shares(archs)[process_rank()]]
            if mine:
                rows = self._evaluate(mine, int(request["block"]))
                dist.send(torch.from_numpy(np.ascontiguousarray(rows)), dst=0)

    def _shares(self, archs: Sequence[A]) -> list[list[int]]:
        """Which architectures each process scores; the first one has some if there are any."""
        world, neighbours = num_processes(), self._neighbours
        if neighbours is None:
            return [list(range(rank, len(archs), world)) for rank in range(world)]
        order = sorted(range(len(archs)), key=lambda index: neighbours(archs[index]))
        shares = np.array_split(np.array(order), world)  # the longer parts come first
        return [share.tolist() for share in shares]


def _send(request: Any) -> None:
    data = torch.frombuffer(bytearray(json.dumps(request).encode()), dtype=torch.uint8)
    dist.broadcast(torch.tensor([len(data)]), src=0)
    dist.broadcast(data, src=0)


def _receive() -> Any:
    size = torch.zeros(1, dtype=torch.int64)
    dist.broadcast(size, src=0)
    data = torch.zeros(int(size), dtype=torch.uint8)
    dist.broadcast(data, src=0)
    return json.loads(bytes(data.tolist()))
