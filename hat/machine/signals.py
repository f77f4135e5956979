"""Signals that come while a step runs: the step gets them too, and may finish and save."""

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

from hat.errors import HatError

_PASSED_AS = {
    signal.SIGINT: signal.SIGINT,
    signal.SIGTERM: signal.SIGTERM,
    signal.SIGHUP: signal.SIGTERM,  # a terminal that was closed: nobody would save for that
}


class StepError(HatError):
    """A step of a pipeline failed."""


class InterruptedStepError(StepError):
    """A signal ended a step; what it had done is kept as far as its command keeps it."""

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.code = 128 + number


class Signals:
    """Takes the signals for us from before a command starts until it has ended."""

    def __init__(self, say: Callable[[str], None]) -> None:
        """Args: say: takes a line when a signal came."""
        self._say = say
        self._came: list[int] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Signals":
        if threading.current_thread() is threading.main_thread():
            for number in _PASSED_AS:
                if signal.getsignal(number) != signal.SIG_IGN:  # as nohup has it
                    self._before[number] = signal.signal(number, self._take)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def wait_for(self, process: "subprocess.Popen[bytes]") -> int:
        """Waits for a command, which leads a process group.

        Returns:
            Its exit code.

        Raises:
            InterruptedStepError: if a signal came.
        """
        self._process = process
        if self._came:  # before it had started
            self._pass_on(self._came[0])
        try:
            code = process.wait()
        except BaseException:
            process.kill()
            process.wait()
            raise
        if self._came:
            message = "stopped; the same command goes on with this step"
            raise InterruptedStepError(message, self._came[0])
        return code

    def _take(self, number: int, frame: FrameType | None) -> None:
        self._came.append(number)
        if self._process is not None:
            # The second time it is not asked any more.
            self._pass_on(number if len(self._came) == 1 else signal.SIGKILL)
        if len(self._came) == 1:
            with contextlib.suppress(OSError):  # the terminal may be gone
                self._say("  stopping; once more to stop at once")

    def _pass_on(self, number: int) -> None:
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, _PASSED_AS.get(signal.Signals(number), number))
