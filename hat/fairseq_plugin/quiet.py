"""fairseq without its side effects on who calls from Python: logging set up, warnings."""

import argparse
import contextlib
import gc
import logging
import warnings
from collections.abc import Iterator
from typing import Any

# Without an accelerator torch warns who asks for pinned memory, and fairseq always does.
warnings.filterwarnings("ignore", "'pin_memory' argument is set as true", UserWarning)


@contextlib.contextmanager
def logging_left_alone() -> Iterator[None]:
    """Undoes what happens to the root logger meanwhile.

    fairseq's modules set it up, one of them to DEBUG, unless somebody has, as commands do.
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
    change = gc.enable if gc.isenabled() else gc.disable
    gc.disable()
    try:
        yield
    finally:
        change()


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
