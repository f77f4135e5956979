"""Processes that we start and that must not outlive us."""

import ctypes
import signal
import sys

_PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    """Makes the system kill this process when the one that started it dies, however it dies.

    For ``preexec_fn`` of ``subprocess``. Only Linux can do that (prctl(2)); elsewhere it does
    nothing.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
