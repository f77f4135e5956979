"""Makes the files of ``tests/data``: ``python -m tests.data.make [FOLDER]``."""

from collections.abc import Callable
from pathlib import Path

from tests.data.make import nasbench101, nasbench201

MAKERS: dict[str, Callable[[Path], None]] = {
    "nasbench101": nasbench101.make,
    "nasbench201": nasbench201.make,
}
"""What is made -> the function that writes it into a folder."""
