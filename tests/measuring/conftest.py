"""A tiny network."""

import pytest
import torch

from hat.models.super_transformer import SuperTransformer
from tests.models.conftest import tiny_config


@pytest.fixture(scope="module")
def model() -> SuperTransformer:
    """A SuperTransformer that holds ``tiny_space``."""
    torch.manual_seed(0)
    return SuperTransformer(tiny_config(tgt_vocab_size=60)).eval()
