"""Checkpoints load without running code, and whatever else a file holds is refused politely."""

import argparse
import math
import os
import pickle
from collections import OrderedDict
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import hat
from hat.arch.hat_yaml import arch_to_mapping
from hat.arch.space import SearchSpace
from hat.errors import CheckpointError
from hat.models.checkpoint import InertMeter, load_checkpoint, read_checkpoint
from hat.models.super_transformer import SuperTransformer
from tests.models.conftest import KINDS, randomise, tiny_config

Batch = tuple[Tensor, Tensor, Tensor]
OPTIONS: dict[str, Any] = {
    "arch": "transformersuper",
    "encoder_embed_dim": 32,
    "encoder_ffn_embed_dim": 48,
    "encoder_layers": 3,
    "encoder_attention_heads": 4,
    "decoder_embed_dim": 32,
    "decoder_ffn_embed_dim": 48,
    "decoder_layers": 3,
    "decoder_attention_heads": 4,
    "qkv_dim": 16,
    "max_source_positions": 20,
    "max_target_positions": 20,
}


def options(kind: str = "unshared", **more: Any) -> argparse.Namespace:
    return argparse.Namespace(**{**OPTIONS, **KINDS[kind], **more})


def weights(kind: str = "unshared") -> "OrderedDict[str, Tensor]":
    return OrderedDict(randomise(SuperTransformer(tiny_config(**KINDS[kind]))).state_dict())


def write(path: Path, content: Any) -> Path:
    torch.save(content, path)
    return path


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("style", ["hat", "fairseq 0.12"])
def test_loads_both_styles(tmp_path: Path, batch: Batch, kind: str, style: str) -> None:
    state = weights(kind)
    if style == "hat":
        content = {"args": options(kind), "model": state, "extra_state": {"epoch": 3}}
    else:
        content = {
            "args": None,
            "cfg": {"model": options(kind), "task": {"data": "x"}},
            "model": state,
            "last_optimizer_state": {"exp_avg": np.float64(0.5)},
        }
    model = hat.load_checkpoint(write(tmp_path / "checkpoint.pt", content))
    assert not model.training
    assert model.arch == model.config.largest_arch()
    expected = randomise(SuperTransformer(tiny_config(**KINDS[kind])))
    torch.testing.assert_close(model(*batch), expected(*batch))


def test_half_precision_loads_as_float32(tmp_path: Path) -> None:
    state = OrderedDict((name, value.half()) for name, value in weights().items())
    model = load_checkpoint(write(tmp_path / "c.pt", {"args": options(), "model": state}))
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


def test_a_fixed_subtransformer_is_set(tmp_path: Path, tiny_space: SearchSpace) -> None:
    arch = tiny_space.smallest()
    keys = {key.replace("-", "_"): value for key, value in arch_to_mapping(arch).items()}
    path = write(tmp_path / "c.pt", {"args": options(**keys), "model": weights()})
    model = load_checkpoint(path)
    assert model.arch == arch
    assert model.decoder.arch == arch.decoder
    keys["encoder_embed_dim_subtransformer"] = 999
    path = write(tmp_path / "d.pt", {"args": options(**keys), "model": weights()})
    with pytest.raises(CheckpointError, match=r"d\.pt: encoder\.embed_dim = 999 does not fit"):
        load_checkpoint(path)


def test_tolerates_what_fairseq_adds(tmp_path: Path) -> None:
    state = weights()
    for side in ("encoder", "decoder"):
        state[f"{side}.version"] = torch.tensor([3.0])
        state[f"{side}.embed_positions._float_tensor"] = torch.zeros(1)
    load_checkpoint(write(tmp_path / "c.pt", {"args": options(), "model": state}))


@pytest.mark.parametrize("name", ["mini_random", "small_unshared_enclayers"])
def test_meters_of_a_fairseq_that_is_not_here(data: Path, name: str) -> None:
    content = read_checkpoint(data / "hat" / "parity" / f"{name}.pt")
    meters = content["extra_state"]["train_meters"].values()
    assert any(type(meter) is InertMeter and vars(meter) for meter in meters)


class _Malicious:
    """Runs a command when it is unpickled by a careless reader."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.system, (f"touch {self.marker}",))


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_file_does_not_run(tmp_path: Path, zipped: bool) -> None:
    marker = tmp_path / "ran"
    path = tmp_path / "evil.pt"
    content = {"args": options(), "model": weights(), "extra_state": _Malicious(marker)}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError, match=r"evil\.pt: refused, because it holds '\w+\.system'"):
        load_checkpoint(path)
    assert not marker.exists()
    torch.load(path, weights_only=False)
    assert marker.exists()  # the file does run code where it is allowed to


def test_reading_leaves_what_others_allowed(tmp_path: Path) -> None:
    path = write(tmp_path / "c.pt", {"args": options(), "model": weights()})
    before = torch.serialization.get_safe_globals()
    torch.serialization.add_safe_globals([argparse.Namespace, Fraction])
    try:
        read_checkpoint(path)
        assert {argparse.Namespace, Fraction} <= set(torch.serialization.get_safe_globals())
    finally:
        torch.serialization.clear_safe_globals()
        torch.serialization.add_safe_globals(before)
    read_checkpoint(path)
    assert set(torch.serialization.get_safe_globals()) == set(before)


def _good() -> dict[str, Any]:
    return {"args": options(), "model": weights()}


def _truncated(path: Path, keep: float) -> None:
    write(path, _good())
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])


def _changed(name: str, value: Any) -> dict[str, Any]:
    content = _good()
    content["model"][name] = value
    if value is None:
        del content["model"][name]
    return content


def _write_changed(value: Any, path: Path) -> None:
    write(path, _changed(FC1, value))


DAMAGED = "is damaged or not a checkpoint"
FC1 = "encoder.layers.0.fc1.weight"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "cannot be read: No such file or directory"),
        (lambda path: path.mkdir(), "is a folder: expected a file"),
        (lambda path: path.write_bytes(b""), DAMAGED),
        (lambda path: path.write_text("encoder-layers: 6\n"), DAMAGED),
        (lambda path: _truncated(path, 0.02), DAMAGED),
        (lambda path: _truncated(path, 0.5), DAMAGED),
        (lambda path: _truncated(path, 0.99), DAMAGED),
        (
            lambda path: path.write_bytes(pickle.dumps({"model": {}})),
            "refused, because it is not a checkpoint or holds more than plain data",
        ),
        (
            lambda path: write(path, {"model": {"x": Fraction(1, 2)}}),
            r"refused, because it holds 'fractions\.Fraction'",
        ),
        (
            lambda path: write(path, nn.Linear(2, 2)),
            r"refused, because it holds 'torch\.nn\S+Linear'",
        ),
        (
            lambda path: write(path, [1, 2]),
            "is not a checkpoint: expected a dictionary with weights under 'model'",
        ),
        (
            lambda path: write(path, {"best": 1}),
            "is not a checkpoint: expected a dictionary with weights under 'model'",
        ),
        (lambda path: write(path, {"model": weights()}), "holds no options"),
        (
            lambda path: write(path, {"args": options(), "model": {}}),
            "is not a SuperTransformer: it has no matrix 'encoder.embed_tokens.weight'",
        ),
        (
            lambda path: write(path, {"args": options(encoder_layers="six"), "model": weights()}),
            "encoder-layers must be of type int, but found 'six'",
        ),
        (lambda path: write(path, _changed(FC1, None)), f"the weight '{FC1}' is missing"),
        (
            lambda path: write(path, _changed(FC1, torch.zeros(48, 31))),
            rf"the weight '{FC1}' has shape \(48, 31\), but its options call for \(48, 32\)",
        ),
        *(
            (partial(_write_changed, value), f"the weight '{FC1}' must be a plain floating-point")
            for value in (
                torch.zeros(48, 32, dtype=torch.int64),
                torch.zeros(48, 32, dtype=torch.bool),
                torch.zeros(48, 32, dtype=torch.complex64),
                torch.zeros(48, 32).to_sparse(),
                torch.zeros(48, 32, device="meta"),
                "0.5",
            )
        ),
        *(
            (
                partial(_write_changed, torch.full((48, 32), value)),
                f"the weight '{FC1}' holds NaN or infinite numbers",
            )
            for value in (math.nan, math.inf)
        ),
        (
            lambda path: write(path, {"args": options(dropout=torch.ones(2)), "model": weights()}),
            "its option 'dropout' is a tensor",
        ),
        (
            lambda path: write(path, {"args": options(encoder_layers=10**6), "model": weights()}),
            "encoder_layers must be at most 1,000, but found 1,000,000",
        ),
        (
            lambda path: write(path, _changed("decoder.extra", torch.zeros(1))),
            "the weight 'decoder.extra' does not belong to a SuperTransformer",
        ),
    ],
)
def test_anything_else_is_refused_in_one_sentence(
    tmp_path: Path, make: Callable[[Path], object], message: str
) -> None:
    path = tmp_path / "file.pt"
    make(path)
    with pytest.raises(CheckpointError, match=rf"file\.pt: {message}") as caught:
        load_checkpoint(path)
    assert "\n" not in str(caught.value)
