"""A tiny SuperTransformer of every kind, with random weights everywhere."""

from typing import Any

import pytest
import torch
from torch import Tensor

from hat.models.config import SuperTransformerConfig
from hat.models.super_transformer import SuperTransformer

KINDS: dict[str, dict[str, Any]] = {
    "shared": {"share_all_embeddings": True},
    "unshared": {},
    "output_shared": {"share_decoder_input_output_embed": True, "activation_fn": "gelu"},
    "pre_norm": {"encoder_normalize_before": True, "decoder_normalize_before": True},
    "pre_norm_no_final": {
        "encoder_normalize_before": True,
        "decoder_normalize_before": True,
        "no_decoder_final_norm": True,
        "share_all_embeddings": True,
    },
    "unequal_widths": {"encoder_embed_dim": 40, "decoder_embed_dim": 32},
    "original_scaling": {"vocab_original_scaling": True, "share_all_embeddings": True},
    "learned": {"encoder_learned_pos": True, "decoder_learned_pos": True},
    "no_positions": {"no_token_positional_embeddings": True},
}
"""Options that lead to different parameters or arithmetic; the widths cover ``tiny_space``."""


def tiny_config(**changes: Any) -> SuperTransformerConfig:
    values: dict[str, Any] = {
        "src_vocab_size": 50,
        "tgt_vocab_size": 50,
        "encoder_embed_dim": 32,
        "encoder_ffn_dim": 48,
        "encoder_layers": 3,
        "encoder_heads": 4,
        "decoder_embed_dim": 32,
        "decoder_ffn_dim": 48,
        "decoder_layers": 3,
        "decoder_heads": 4,
        "qkv_dim": 16,
        "max_source_positions": 20,
        "max_target_positions": 20,
    }
    return SuperTransformerConfig(**{**values, **changes})


def randomise(model: SuperTransformer, seed: int = 0) -> SuperTransformer:
    """Moves every weight, norms and biases too, away from its initial value."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(noise * 0.2 + (1.0 if "norm.weight" in name else 0.0))
    return model.eval()


@pytest.fixture(params=KINDS)
def model(request: pytest.FixtureRequest) -> SuperTransformer:
    """A tiny SuperTransformer of each kind in eval mode."""
    return randomise(SuperTransformer(tiny_config(**KINDS[request.param])))


@pytest.fixture
def batch() -> tuple[Tensor, Tensor, Tensor]:
    """Left-padded sources, their lengths and right-padded targets."""
    src_tokens = torch.tensor([[1, 1, 7, 8, 2], [4, 5, 6, 9, 2], [1, 10, 11, 12, 2]])
    prev_output_tokens = torch.tensor(
        [[2, 20, 21, 22, 23, 24], [2, 30, 31, 32, 1, 1], [2, 40, 41, 42, 43, 1]]
    )
    return src_tokens, src_tokens.ne(1).sum(1), prev_output_tokens
