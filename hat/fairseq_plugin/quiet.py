"""fairseq without its side effects on who calls from Python: logging set up, warnings of hydra."""

import argparse
import contextlib
import gc
import logging
import warnings
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def logging_left_alone() -> Iterator[None]:
    """Undoes what happens to the root logger meanwhile.

    Modules of fairseq set it up as they are imported, one of them to DEBUG, which lets every
    library of the process speak. Where logging was set up before, as commands do, they change
    nothing.
    """
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    try:
        yield
    finally:
        root.setLevel(level)
        root.handlers[:] = handlers


@contextlib.contextmanager
def collecting_paused() -> Iterator[None]:
    """Searches for no garbage meanwhile: what is imported stays, and is searched again and again.

    That is a fifth of the time that importing fairseq takes.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def fairseq_config(args: argparse.Namespace) -> Any:
    """Returns fairseq's configuration of parsed options, without hydra's deprecation warnings.

    Without ``--total-num-update`` that is ``--max-update``, as fairseq means it and fails to say.
    """
    from fairseq.dataclass.utils import convert_namespace_to_omegaconf

    if getattr(args, "total_num_update", 0) is None:
        args = argparse.Namespace(**{**vars(args), "total_num_update": args.max_update})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return convert_namespace_to_omegaconf(args)
