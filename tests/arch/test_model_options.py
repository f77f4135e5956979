"""HAT's flags and named architectures."""

import argparse

import pytest

from hat.arch.model_options import (
    ARCHITECTURES,
    MODEL_OPTIONS,
    add_model_options,
    with_architecture,
)
from hat.errors import ConfigError


def parse(*words: str, only: tuple[str, ...] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    if only is None:
        add_model_options(parser)
    else:
        add_model_options(parser, only=only)
    return parser.parse_args(words)


def test_every_flag_has_an_explicit_default() -> None:
    # fairseq parses model options with argument_default=SUPPRESS.
    parser = argparse.ArgumentParser(argument_default=argparse.SUPPRESS)
    add_model_options(parser)
    options = vars(parser.parse_args([]))
    assert set(options) == {option.dest for option in MODEL_OPTIONS}
    assert len(options) == 47


def test_values_are_typed() -> None:
    options = parse(
        *("--relu-dropout", "0.1"),
        *("--qkv-dim", "512"),
        *("--share-all-embeddings",),
        *("--decoder-arbitrary-ende-attn-choice", "-1", "1", "2"),
        *("--encoder-ffn-embed-dim-all-subtransformer", "3072", "1024"),
    )
    assert options.activation_dropout == 0.1
    assert options.qkv_dim == 512
    assert options.share_all_embeddings is True
    assert options.decoder_arbitrary_ende_attn_choice == [-1, 1, 2]
    assert options.encoder_ffn_embed_dim_all_subtransformer == [3072, 1024]


def test_groups() -> None:
    only = vars(parse(only=("space",)))
    assert len(only) == 10 and all(name.endswith("_choice") for name in only)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("transformersuper", (512, 2048, 8, 512, 0.1, 0.0, False)),
        ("transformersuper_wmt_en_de", (512, 2048, 8, 512, 0.1, 0.0, False)),
        ("transformersuper_wmt_en_fr", (512, 2048, 8, 512, 0.1, 0.0, False)),
        ("transformersuper_iwslt_de_en", (512, 1024, 4, 512, 0.1, 0.0, False)),
        ("transformersuper_vaswani_wmt_en_de_big", (1024, 4096, 16, 1024, 0.3, 0.0, False)),
        ("transformersuper_vaswani_wmt_en_fr_big", (1024, 4096, 16, 1024, 0.1, 0.0, False)),
        ("transformersuper_wmt_en_de_big", (1024, 4096, 16, 1024, 0.3, 0.1, False)),
        ("transformersuper_wmt_en_de_big_t2t", (1024, 4096, 16, 1024, 0.3, 0.1, True)),
    ],
)
def test_architectures(name: str, expected: tuple[object, ...]) -> None:
    options = with_architecture(vars(parse()), name)
    shown = ("encoder_embed_dim", "encoder_ffn_embed_dim", "decoder_attention_heads")
    shown += ("decoder_embed_dim", "dropout", "attention_dropout", "decoder_normalize_before")
    assert expected == tuple(options[key] for key in shown)
    assert options["encoder_layers"] == options["decoder_layers"] == 6
    assert name in ARCHITECTURES


def test_given_options_win_and_the_decoder_follows_the_encoder() -> None:
    given = vars(parse("--encoder-embed-dim", "640", "--dropout", "0.0"))
    options = with_architecture(given, "transformersuper_wmt_en_de")
    assert (options["encoder_embed_dim"], options["decoder_embed_dim"]) == (640, 640)
    assert options["dropout"] == 0.0
    assert given["decoder_embed_dim"] is None


def test_fills_nothing_at_all() -> None:
    options = with_architecture({"seed": 1}, "transformersuper")
    assert options["no_decoder_final_norm"] is False and options["qkv_dim"] is None
    assert options["seed"] == 1


def test_unknown_architecture() -> None:
    with pytest.raises(
        ConfigError, match=r"'transformersuper_wmt'; did you mean 'transformersuper'"
    ):
        with_architecture({}, "transformersuper_wmt")
