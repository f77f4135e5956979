"""Makes what fairseq writes of checkpoints whole or absent.

fairseq writes a checkpoint beside its place and renames it, but then copies it to
``checkpoint_last.pt`` and ``checkpoint_best.pt`` byte by byte: a training that is killed in that
moment leaves half a file, from which it cannot go on. Where the disk is full, fairseq tries three
times, prints a traceback and leaves the half that it has written.
"""

import shutil
from pathlib import Path
from typing import Any

import torch
from fairseq import checkpoint_utils
from fairseq.file_io import PathManager

from hat.files import replacing, writing


def copy(src_path: str, dst_path: str, overwrite: bool = False) -> bool:
    """Copies a file as ``PathManager.copy`` does, through a temporary file beside the target.

    Raises:
        FileExistsError: if the target exists and is not to be overwritten.
        DataError: if it cannot be written.
    """
    if Path(dst_path).exists() and not overwrite:
        raise FileExistsError(dst_path)
    with replacing(dst_path) as temporary:
        shutil.copyfile(src_path, temporary)
    return True


def save(obj: Any, filename: str, async_write: bool = False) -> None:
    """Saves as ``torch_persistent_save`` does, to the same bytes.

    Raises:
        DataError: if it cannot be written, as where the disk is full.
    """
    with writing(filename) as stream:
        torch.save(obj, stream)


PathManager.copy = staticmethod(copy)
checkpoint_utils.torch_persistent_save = save
