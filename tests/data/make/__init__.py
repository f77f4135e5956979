"""Makes the files of ``tests/data``: ``python -m tests.data.make [FOLDER]``."""

from collections.abc import Callable
from pathlib import Path

from tests.data.make import (
    latency,
    nasbench101,
    nasbench201,
    nasbench201_files,
    nasbench_nlp,
    parity,
    subtransformers,
    text,
)

MAKERS: dict[str, Callable[[Path], None]] = {
    "nasbench101": nasbench101.make,
    "nasbench201": nasbench201.make,
    "nasbench201_files": nasbench201_files.make,
    "nasbench_nlp": nasbench_nlp.make,
    "subtransformers": subtransformers.make,
    "latency": latency.make,
    "parity": parity.make,
    "text": text.make,
}
"""What is made -> the function that writes it into a folder."""
