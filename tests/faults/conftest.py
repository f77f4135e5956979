"""The folder of good inputs, one of every kind, that faults spoil."""

import shutil
from pathlib import Path

import pytest

from tests.export.conftest import task
from tests.fairseq_plugin.conftest import TRAINING, corpus, space_yml
from tests.faults.documents import documents
from tests.nas.conftest import predictor_pt, search_space, supernet
from tests.tiny_yaml import CHOICES, NETWORK, SUB

__all__ = ["corpus", "documents", "predictor_pt", "search_space", "space_yml", "supernet", "task"]


@pytest.fixture(scope="session")
def good(
    tmp_path_factory: pytest.TempPathFactory, corpus: Path, supernet: Path, predictor_pt: Path
) -> Path:
    """A folder with one good input of every kind; names are relative to it.

    ``bin`` is a binarised corpus (xx to yy), ``space.yml`` trains a supernet on it, ``sub.yml`` is
    one SubTransformer, ``net.pt`` an untrained supernet and ``predictor.pt`` a latency predictor.
    """
    folder = tmp_path_factory.mktemp("good")
    shutil.copytree(corpus, folder / "bin")
    (folder / "space.yml").write_text(f"{TRAINING}{NETWORK}{CHOICES}data: bin\n")
    (folder / "sub.yml").write_text(SUB)
    shutil.copy(supernet, folder / "net.pt")
    shutil.copy(predictor_pt, folder / "predictor.pt")
    return folder
