"""Makes fairseq's copies of checkpoints whole or absent.

fairseq writes a checkpoint beside its place and renames it, but then copies it to
``checkpoint_last.pt`` and ``checkpoint_best.pt`` byte by byte. A training that is killed in that
moment leaves half a file, from which it cannot go on.
"""

import shutil
from pathlib import Path

from fairseq.file_io import PathManager

from hat.files import replacing


def copy(src_path: str, dst_path: str, overwrite: bool = False) -> bool:
    """Copies a file as ``PathManager.copy`` does, through a temporary file beside the target.

    Raises:
        FileExistsError: if the target exists and is not to be overwritten.
    """
    if Path(dst_path).exists() and not overwrite:
        raise FileExistsError(dst_path)
    with replacing(dst_path) as temporary:
        shutil.copyfile(src_path, temporary)
    return True


PathManager.copy = staticmethod(copy)
