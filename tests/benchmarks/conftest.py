"""NAS-Bench-201's file of all cells, as its authors publish it."""

import pytest

from tests.data.make import nasbench201_files as made


@pytest.fixture(scope="session")
def api_file():
    """What the file holds for three cells, and what a reader must get; not to be changed."""
    return made.api_file()
