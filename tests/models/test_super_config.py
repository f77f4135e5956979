"""The configuration checks itself and reads fairseq's option names."""

from typing import Any

import pytest

from hat.arch.model_options import ACTIVATION_NAMES
from hat.errors import ConfigError
from hat.models.config import super_config_from_options
from hat.modules.activations import ACTIVATIONS
from tests.models.conftest import tiny_config

OPTIONS: dict[str, Any] = {
    "encoder_embed_dim": 32,
    "encoder_ffn_embed_dim": 48,
    "encoder_layers": 3,
    "encoder_attention_heads": 4,
    "decoder_embed_dim": 24,
    "decoder_ffn_embed_dim": 40,
    "decoder_layers": 2,
    "decoder_attention_heads": 2,
    "qkv_dim": 16,
    "dropout": 0.3,
    "relu_dropout": 0.2,
    "encoder_normalize_before": True,
    "share_decoder_input_output_embed": True,
    "lr": [0.1],
    "decoder_output_dim": 24,
    "max_source_positions": 77,
}


def read(**changes: Any) -> Any:
    return super_config_from_options(
        {**OPTIONS, **changes}, src_vocab_size=50, tgt_vocab_size=60, padding_idx=1
    )


def test_reads_fairseq_names() -> None:
    config = read()
    assert (config.encoder_ffn_dim, config.decoder_ffn_dim) == (48, 40)
    assert (config.encoder_heads, config.decoder_heads) == (4, 2)
    assert (config.src_vocab_size, config.tgt_vocab_size) == (50, 60)
    assert config.activation_dropout == 0.2
    assert config.encoder_normalize_before and not config.decoder_normalize_before
    assert config.max_source_positions == 77 and config.max_target_positions == 1024
    largest = config.largest_arch()
    assert largest.encoder.ffn_dims == (48, 48, 48)
    assert largest.decoder.ende_spans == (1, 1)
    config.check(largest)


def test_fallbacks() -> None:
    config = read(
        decoder_embed_dim=None, decoder_ffn_embed_dim=None, qkv_dim=None, decoder_output_dim=None
    )
    assert (config.decoder_embed_dim, config.decoder_ffn_dim, config.qkv_dim) == (32, 48, 32)
    assert read(activation_dropout=0).activation_dropout == 0.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"encoder_layers": None}, "encoder-layers is missing"),
        ({"qkv_dim": None}, "qkv-dim is needed where encoder and decoder widths differ"),
        ({"dropout": "much"}, "dropout must be of type float, but found 'much'"),
        ({"encoder_layers": True}, "encoder-layers must be of type int, but found True"),
        ({"adaptive_softmax_cutoff": "100"}, "adaptive-softmax-cutoff is set, but hat has no"),
        ({"decoder_output_dim": 5}, "decoder-output-dim is 5, but .* decoder-embed-dim, .* 24"),
    ],
)
def test_wrong_options(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"encoder_layers": 0}, "encoder_layers must be a positive integer, but found 0"),
        ({"decoder_layers": 1001}, "decoder_layers must be at most 1,000, but found 1,001"),
        ({"encoder_ffn_dim": 10**9}, "encoder_ffn_dim must be at most 100,000,000, but found"),
        ({"dropout": 1.0}, r"dropout must lie in \[0, 1\), but found 1.0"),
        ({"encoder_heads": 3}, r"qkv_dim \(16\) must be divisible by encoder_heads \(3\)"),
        ({"padding_idx": 50}, r"padding_idx must be a token of both dictionaries \(0..49\)"),
        (
            {"share_all_embeddings": True, "tgt_vocab_size": 60},
            "source dictionary has 50 entries and the target dictionary 60",
        ),
        (
            {"share_all_embeddings": True, "decoder_embed_dim": 30},
            "encoder_embed_dim is 32 and decoder_embed_dim is 30",
        ),
        ({"activation_fn": "rellu"}, r"unknown activation_fn 'rellu'.*did you mean 'relu'\?"),
    ],
)
def test_configurations_that_contradict_themselves(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        tiny_config(**changes)


def test_sharing_all_shares_the_output_too() -> None:
    assert tiny_config(share_all_embeddings=True).share_decoder_input_output_embed


def test_activation_names_agree() -> None:
    assert tuple(ACTIVATIONS) == ACTIVATION_NAMES
