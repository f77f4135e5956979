"""Fixtures that every test may use: a tiny space, random numbers, made and real data."""

import os
from pathlib import Path

import numpy as np
import pytest

from hat.arch.space import SearchSpace
from hat.cli.wall import SHOW

os.environ[SHOW] = "1"  # a test that ends in an error nobody foresaw shows where it came from

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
MADE_DATA = Path(__file__).parent / "data"
"""A small file of every format, made up for the tests."""


def pytest_report_header() -> str:
    found = SHARED_DATA if SHARED_DATA.is_dir() else "not here, so made files only"
    return f"real data: {found}"


@pytest.fixture(params=["made", "real"] if SHARED_DATA.is_dir() else ["made"])
def data(request: pytest.FixtureRequest) -> Path:
    """The folder of small made files; then that of real data, laid out alike, where it is there."""
    return {"made": MADE_DATA, "real": SHARED_DATA}[request.param]


NUMBERS = (
    "latency",
    "models",
    "modules",
    "scoring",
    "studies/test_epsinas.py",
    "studies/test_nasbench_nlp_logs.py",
    "machine/test_instructions.py",
)
"""Folders and files whose tests compute something that a processor could compute otherwise."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tests of numbers, which ``make test-isa`` runs again with fewer instructions."""
    here = Path(__file__).parent
    places = tuple(here / name for name in NUMBERS)
    missing = [str(place) for place in places if not place.exists()]
    assert not missing, f"NUMBERS names what is not there: {', '.join(missing)}"
    for item in items:
        if any(item.path.is_relative_to(place) for place in places):
            item.add_marker(pytest.mark.numbers)


@pytest.fixture
def shared_data() -> Path:
    """The folder of real data, for facts of published files only; skips where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("needs ../shared/data, which is not here")
    return SHARED_DATA


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def tiny_space() -> SearchSpace:
    """A space with every kind of decision and elastic depth on both sides."""
    return SearchSpace(
        encoder_embed_dims=(32, 24),
        decoder_embed_dims=(32, 16),
        encoder_layer_nums=(3, 2, 1),
        decoder_layer_nums=(3, 2, 1),
        encoder_ffn_dims=(48, 32, 16),
        decoder_ffn_dims=(48, 32, 16),
        encoder_self_heads=(4, 2),
        decoder_self_heads=(4, 2),
        decoder_ende_heads=(4, 2),
        decoder_ende_spans=(3, 2, 1),
    )
