"""Made runs and a browser, each once for all tests of the page."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.page.browser import CHROMIUM, Browser, browser
from tests.page.made_run import make_run


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nobody may change."""
    return make_run(tmp_path_factory.mktemp("runs") / "made", rounds=3)


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    """A copy of the run, to be changed."""
    return Path(shutil.copytree(made, tmp_path / "run"))


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("needs Chromium, which is not installed")
    with browser() as opened:
        yield opened
