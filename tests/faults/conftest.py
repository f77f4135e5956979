"""The folder of good inputs, one of every kind, that faults spoil."""

import shutil
from pathlib import Path

import pytest

from hat.arch.space import SearchSpace
from tests.export.conftest import Task, task
from tests.fairseq_plugin.conftest import TRAINING, corpus, space_yml
from tests.faults.documents import documents
from tests.faults.more_good import add_more
from tests.nas.conftest import predictor_pt, search_space, supernet
from tests.tiny_yaml import CHOICES, NETWORK, SUB

__all__ = ["corpus", "documents", "predictor_pt", "search_space", "space_yml", "supernet", "task"]


@pytest.fixture(scope="session")
def good(
    tmp_path_factory: pytest.TempPathFactory,
    corpus: Path,
    supernet: Path,
    predictor_pt: Path,
    search_space: SearchSpace,
    task: Task,
) -> Path:
    """A folder with one good input of every kind; names are relative to it.

    ``bin`` is a binarised corpus (xx to yy), ``space.yml`` trains a supernet on it, ``sub.yml`` is
    one SubTransformer, ``net.pt`` an untrained supernet and ``predictor.pt`` a latency predictor.
    ``tests.faults.more_good`` says what else there is.
    """
    folder = tmp_path_factory.mktemp("good")
    shutil.copytree(corpus, folder / "bin")
    (folder / "space.yml").write_text(f"{TRAINING}{NETWORK}{CHOICES}data: bin\n")
    (folder / "sub.yml").write_text(SUB)
    shutil.copy(supernet, folder / "net.pt")
    shutil.copy(predictor_pt, folder / "predictor.pt")
    add_more(folder, search_space, task)
    return folder


@pytest.fixture
def good_copy(good: Path, tmp_path: Path) -> Path:
    """A copy of the folder of good inputs, to be worked in."""
    return Path(shutil.copytree(good, tmp_path / "copy", symlinks=True))
