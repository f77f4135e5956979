"""Parameters and FLOPs by arithmetic: against HAT's table, built models and counted operations."""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from hat.arch.hat_yaml import load_arch
from hat.arch.space import SearchSpace
from hat.models.config import SuperTransformerConfig
from hat.models.extract import extract
from hat.models.flops import cost, num_params
from hat.models.super_transformer import SuperTransformer
from tests.conftest import MADE_DATA
from tests.models.conftest import KINDS, tiny_config


def published(data: Path) -> Iterator[tuple[dict[str, str], Path]]:
    folder = data / "hat"
    with open(folder / "published_subtransformers.csv", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            task = "wmt14.en-de" if "wmt14ende" in row["name"] else "iwslt14.de-en"
            yield row, folder / "configs" / task / "subtransformer" / f"{row['name']}.yml"


def test_published_table(data: Path) -> None:
    rows = list(published(data))
    assert len(rows) == (4 if data == MADE_DATA else 22)
    for row, path in rows:
        wmt = "wmt" in row["name"]
        config = SuperTransformerConfig(
            src_vocab_size=32768,
            tgt_vocab_size=32768,
            encoder_embed_dim=640,
            decoder_embed_dim=640,
            encoder_ffn_dim=3072 if wmt else 2048,
            decoder_ffn_dim=3072 if wmt else 2048,
            encoder_layers=6,
            decoder_layers=6,
            encoder_heads=8 if wmt else 4,
            decoder_heads=8 if wmt else 4,
            qkv_dim=512,
            share_all_embeddings=wmt,
        )
        length = 30 if wmt else 23
        found = cost(config, load_arch(path), src_len=length, tgt_len=length)
        assert f"{found.params_without_embeddings / 1e6:.2f}" == row["params_millions"]
        assert f"{found.flops_without_last_layer / 1e9:.2f}" == row["flops_giga"]


@pytest.mark.parametrize("kind", KINDS)
def test_parameters_are_those_of_a_built_model(
    kind: str, tiny_space: SearchSpace, rng: np.random.Generator
) -> None:
    config = tiny_config(**KINDS[kind])
    for _ in range(20):
        arch = tiny_space.sample(rng)
        built = SuperTransformer(config, size=arch)
        everything = sum(p.numel() for p in built.parameters())
        without = sum(p.numel() for n, p in built.named_parameters() if "embed_" not in n)
        assert num_params(config, arch, include_embeddings=True) == everything
        assert num_params(config, arch, include_embeddings=False) == without


@torch.no_grad()
def test_matrix_products_are_those_that_run(
    tiny_space: SearchSpace, rng: np.random.Generator
) -> None:
    # torch counts matrix products, but not its fused attention; norms and elementwise products
    # are left over.
    config = tiny_config()
    model = SuperTransformer(config).eval()
    src_len, tgt_len = 7, 5
    src_tokens = torch.randint(2, 50, (1, src_len))
    prev_output_tokens = torch.randint(2, 50, (1, tgt_len))
    for _ in range(10):
        arch = tiny_space.sample(rng)
        with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
            extract(model, arch)(src_tokens, None, prev_output_tokens)
        e, d, qkv = arch.encoder.embed_dim, arch.decoder.embed_dim, config.qkv_dim
        encoder_rest = src_len * (e + arch.encoder.num_layers * (2 * e + qkv))
        decoder_rest = tgt_len * (d + arch.decoder.num_layers * (3 * d + 2 * qkv))
        found = cost(config, arch, src_len=src_len, tgt_len=tgt_len).flops
        assert found - 2 * (encoder_rest + decoder_rest) == counter.get_total_flops()


def test_counting_has_no_side_effects(tiny_space: SearchSpace) -> None:
    model = SuperTransformer(tiny_config())
    model.set_sample_config(tiny_space.largest())
    assert model.num_params(tiny_space.smallest()) < model.num_params(tiny_space.largest())
    assert model.encoder.arch == tiny_space.largest().encoder
    assert model.decoder.arch == tiny_space.largest().decoder
