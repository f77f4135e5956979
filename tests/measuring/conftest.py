"""A tiny network."""

import pytest
import torch

from hat.models.config import SuperTransformerConfig
from hat.models.super_transformer import SuperTransformer


@pytest.fixture(scope="module")
def model() -> SuperTransformer:
    """A SuperTransformer that holds ``tiny_space``."""
    torch.manual_seed(0)
    config = SuperTransformerConfig(
        src_vocab_size=50,
        tgt_vocab_size=60,
        encoder_embed_dim=32,
        encoder_ffn_dim=48,
        encoder_layers=3,
        encoder_heads=4,
        decoder_embed_dim=32,
        decoder_ffn_dim=48,
        decoder_layers=3,
        decoder_heads=4,
        qkv_dim=32,
    )
    return SuperTransformer(config).eval()
