"""The numbers that HAT itself gave for its checkpoints, and a plain model for made ones."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

import hat
from hat.arch.features import latency_features
from hat.arch.hat_yaml import arch_from_mapping
from hat.models.extract import extract
from hat.models.super_transformer import SuperTransformer

PAD, SMOOTHING, TOLERANCE = 1, 0.1, 1e-5
BUNDLES = pytest.mark.parametrize("name", ["mini_random", "small_unshared_enclayers"])


@dataclass
class Bundle:
    model: SuperTransformer
    configs: list[dict[str, Any]]
    tensors: dict[str, np.ndarray]

    def arch(self, index: int) -> hat.SubTransformerConfig:
        return arch_from_mapping(self.configs[index]["config"], f"configuration {index}")

    def tensor(self, name: str) -> torch.Tensor:
        return torch.from_numpy(self.tensors[name])

    def logits(self, model: SuperTransformer) -> torch.Tensor:
        return model(*(self.tensor(n) for n in ("src_tokens", "src_lengths", "prev_output_tokens")))


@pytest.fixture
def bundle(data: Path, name: str) -> Bundle:
    folder = data / "hat" / "parity"
    with np.load(folder / f"{name}_tensors.npz") as tensors:
        return Bundle(
            model=hat.load_checkpoint(folder / f"{name}.pt"),
            configs=json.loads((folder / f"{name}_meta.json").read_text())["configs"],
            tensors=dict(tensors),
        )


def largest_difference(found: torch.Tensor, expected: torch.Tensor) -> float:
    return (found - expected).abs().max().item()


@BUNDLES
@torch.no_grad()
def test_encoder_and_logits(bundle: Bundle) -> None:
    for index in range(len(bundle.configs)):
        arch = bundle.arch(index)
        bundle.model.set_sample_config(arch)
        encoded = bundle.model.encoder(bundle.tensor("src_tokens")).states[0]
        expected = bundle.tensor(f"encoder_out_{index}").transpose(0, 1)
        assert largest_difference(encoded, expected) < TOLERANCE
        for model in (bundle.model, extract(bundle.model, arch)):
            logits = bundle.logits(model)
            if f"logits_{index}" in bundle.tensors:
                expected = bundle.tensor(f"logits_{index}")
                assert largest_difference(logits, expected) < TOLERANCE
                continue
            expected = bundle.tensor(f"logits_cols_every16_{index}")
            assert largest_difference(logits[..., ::16], expected) < TOLERANCE
            expected = bundle.tensor(f"logsumexp_{index}")
            assert largest_difference(logits.logsumexp(-1), expected) < TOLERANCE
            assert (logits.argmax(-1) == bundle.tensor(f"argmax_{index}")).float().mean() > 0.99


@BUNDLES
def test_loss_and_gradients(bundle: Bundle) -> None:
    target = bundle.tensor("target")
    for index, config in enumerate(bundle.configs):
        bundle.model.set_sample_config(bundle.arch(index))
        bundle.model.zero_grad()
        logits = bundle.logits(bundle.model)
        loss, nll_loss = (
            F.cross_entropy(
                logits.transpose(1, 2),
                target,
                ignore_index=PAD,
                reduction="sum",
                label_smoothing=smoothing,
            )
            for smoothing in (SMOOTHING, 0.0)
        )
        assert loss.item() == pytest.approx(config["loss_sum"], rel=1e-6)
        assert nll_loss.item() == pytest.approx(config["nll_loss_sum"], rel=1e-6)
        assert target.ne(PAD).sum() == config["sample_size"]
        loss.backward()
        norms = {
            name: parameter.grad.norm().item()
            for name, parameter in bundle.model.named_parameters()
            if parameter.grad is not None
        }
        for name, expected in config["grad_norms"].items():
            # HAT names a shared embedding once, and so does named_parameters().
            assert norms.get(name, 0.0) == pytest.approx(expected, rel=1e-4, abs=1e-4), name


@BUNDLES
def test_parameters_and_features(bundle: Bundle) -> None:
    for index, config in enumerate(bundle.configs):
        arch = bundle.arch(index)
        if config["params_no_embed"] >= 0:
            assert bundle.model.num_params(arch) == config["params_no_embed"]
        features = list(latency_features(arch).values())
        # HAT averages the spans of skipped layers too where its lists are padded.
        assert features[:9] == pytest.approx(config["features"][:9])
