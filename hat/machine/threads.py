"""How many threads to use: as many as there are cores for this process, by one rule."""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")


def cores(cgroup: Path = _CGROUP) -> int:
    """Returns the cores that this process may use, at least 1.

    The least of the cores that the system lets it run on and, rounded up, the share of processor
    time that its control group has: a container of two cores sees all of its host's.

    Args:
        cgroup: where the control group's files are (version 2, or version 1 below ``cpu``).
    """
    affinity = getattr(os, "sched_getaffinity", None)
    count = len(affinity(0)) if affinity else os.cpu_count() or 1
    quota = _quota(cgroup)
    return max(1, count if quota is None else min(count, math.ceil(quota)))


def set_default() -> None:
    """Makes that the number of threads of this process and of those that it starts.

    torch and BLAS read ``OMP_NUM_THREADS`` when they are loaded. What the user has set stays.
    """
    os.environ.setdefault("OMP_NUM_THREADS", str(cores()))


@contextmanager
def limited_to(count: int) -> Iterator[None]:
    """Within the context torch uses ``count`` threads, and after it as many as before."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _quota(cgroup: Path) -> float | None:
    """Cores' worth of time that the control group may use; None: no limit, or none to be read."""
    try:
        quota, period = (cgroup / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = (cgroup / "cpu" / "cpu.cfs_quota_us").read_text().strip()
            period = (cgroup / "cpu" / "cpu.cfs_period_us").read_text().strip()
        except OSError:
            return None
    try:
        share = float(quota) / float(period)
    except (ValueError, ZeroDivisionError):
        return None  # "max", or something unheard of
    return share if share > 0 else None
