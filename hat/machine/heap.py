"""Keeping memory that was freed for the next tensor, instead of giving it back."""

import ctypes
import os

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
"""``mallopt``'s parameters, from glibc's malloc.h."""


def keep_freed_memory() -> bool:
    """Tells the C library to keep what this process frees.

    glibc maps each large block anew and unmaps it when it is freed, so every large tensor of every
    update costs a page fault and a cleared page per 4 KiB: a tenth of a training's time. From now
    on large blocks come from the heap, whose top is not given back either.

    Returns:
        Whether it could; not where the C library is another one, or where the user has chosen
        otherwise (``MALLOC_*`` or ``GLIBC_TUNABLES`` in the environment).
    """
    chosen = any(name.startswith("MALLOC_") for name in os.environ)
    if chosen or "glibc.malloc" in os.environ.get("GLIBC_TUNABLES", ""):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return False
    return bool(mallopt(_MMAP_MAX, 0)) and bool(mallopt(_TRIM_THRESHOLD, 2**31 - 1))
