"""Fixtures that every test may use: a tiny space, random numbers and the real data folder."""

from pathlib import Path

import numpy as np
import pytest

from hat.arch.space import SearchSpace

DATA = Path(__file__).resolve().parent / "data"
"""A small file of every format, made up for the tests."""

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture
def shared_data() -> Path:
    """The folder of real data beside the project; tests that need it skip where it is absent."""
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
