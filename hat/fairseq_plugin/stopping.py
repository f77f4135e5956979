"""Ctrl-C and SIGTERM end a training after the update under way, with all updates saved.

What is saved is the last checkpoint alone, without a validation: so a training that goes on from
it validates where one that never stopped does, and ends with the same weights and the same best
checkpoint. Of several processes all stop after the same update, whichever got the signal.

SLURM and systemd signal every process of a job, and torchrun passes on what it got, so one wish
to stop comes to a process twice or three times within milliseconds. What comes within ``_ECHO``
seconds of the first signal is therefore the same wish. And no process leaves before the one that
saves has saved: torchrun or SLURM may end the others when the first is gone.
"""

import contextlib
import logging
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any

import torch
from fairseq import checkpoint_utils
from fairseq_cli import train as fairseq_s

from hat.progress import Progress

logger = logging.getLogger(__name__)

_GOES_ON = "saved; the same command goes on from there"

_SIGNALS = (signal.SIGINT, signal.SIGTERM)

_ECHO = 5.0
"""seconds after a signal in which another is no second wish"""


class Stopped(SystemExit):
    """A signal ended a training; its exit code is that of a program that the signal ends."""


class _Wish:
    """The signal that came, if any."""

    number: int | None = None
    _came = 0.0

    def take(self, number: int, frame: FrameType | None) -> None:
        """Notes a signal; a second one ends the program at once, unless it is an echo."""
        if self.number is None:
            self.number, self._came = number, time.monotonic()
            logger.warning(
                "stopping after this update; once more, after %g seconds, to stop at once, unsaved",
                _ECHO,
            )
        elif time.monotonic() - self._came > _ECHO:
            raise SystemExit(128 + number)


@contextlib.contextmanager
def stopped_by_signals() -> Iterator[None]:
    """A training in this block ends by ``Stopped`` when a signal comes."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Python takes signals in the main thread only
        return
    wish, progress = _Wish(), list[Progress]()

    def told_progress(cfg: Any, trainer: Any) -> Progress:
        if not progress:  # the first update is over: how many a training that goes on had before
            total, done = int(cfg.optimization.max_update or 0), trainer.get_num_updates() - 1
            progress.append(Progress(total, "updates", done=done))
        return progress[0]

    original = fairseq_s.validate_and_save

    def validate_and_save(
        cfg: Any, trainer: Any, task: Any, epoch_itr: Any, *rest: Any, **named: Any
    ) -> Any:
        told = told_progress(cfg, trainer)
        told.reach(trainer.get_num_updates())
        losses, is_over = original(cfg, trainer, task, epoch_itr, *rest, **named)
        number = _agreed(wish.number)
        if number is None or is_over:
            return losses, is_over
        checkpoint_utils.save_checkpoint(cfg.checkpoint, trainer, epoch_itr, None)
        _agreed(None)  # nobody goes before all are here: one of them was saving
        kept = "nothing is kept (--no-save)" if cfg.checkpoint.no_save else _GOES_ON
        logger.warning("stopped after update %d: %s", trainer.get_num_updates(), kept)
        raise Stopped(128 + number)

    # What is ignored stays so: nohup and shells have a reason.
    heard = [each for each in _SIGNALS if signal.getsignal(each) != signal.SIG_IGN]
    before = {each: signal.signal(each, wish.take) for each in heard}
    fairseq_s.validate_and_save = validate_and_save
    try:
        yield
    finally:
        fairseq_s.validate_and_save = original
        if wish.number is None:  # else the program is on its way out, and echoes may still come
            for each, handler in before.items():
                signal.signal(each, handler)


def _agreed(number: int | None) -> int | None:
    """The signal that any of the processes got."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return number
    on_gpu = torch.distributed.get_backend() == "nccl"
    device = torch.device("cuda", torch.cuda.current_device()) if on_gpu else torch.device("cpu")
    largest = torch.tensor([number or 0], device=device)
    torch.distributed.all_reduce(largest, op=torch.distributed.ReduceOp.MAX)
    return int(largest.item()) or None
