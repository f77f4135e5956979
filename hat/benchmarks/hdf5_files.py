"""HDF5 files that are there whole or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py

from hat.files import replacing

_BLOCK = 1 << 24
"""Bytes by which the memory of a file grows."""


@contextmanager
def writing_hdf5(path: str | Path) -> Iterator[h5py.File]:
    """Yields an HDF5 file in memory that is written to ``path`` when the block succeeds.

    Where a disk takes nothing more, the HDF5 library cannot close its file and ends the whole
    process at the second try. So it does not see the disk.

    Raises:
        DataError: if nothing can be written there, or not all of it.
    """
    with replacing(path) as temporary:
        with h5py.File(
            "memory", "w", driver="core", backing_store=False, block_size=_BLOCK
        ) as file:
            yield file
            file.flush()
            image = file.id.get_file_image()
        temporary.write_bytes(image)
