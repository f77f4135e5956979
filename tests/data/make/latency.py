"""Latency datasets with HAT's columns, and a predictor of HAT's kind for one of them.

Latency is a linear formula of the features and noise. In one dataset two runs of rows are slower
throughout, as if something else had used the machine.
"""

import io
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tests.data.make.files import write, write_lines

FEATURES = (
    "encoder_embed_dim",
    "encoder_layer_num",
    "encoder_ffn_embed_dim_avg",
    "encoder_self_attention_heads_avg",
    "decoder_embed_dim",
    "decoder_layer_num",
    "decoder_ffn_embed_dim_avg",
    "decoder_self_attention_heads_avg",
    "decoder_ende_attention_heads_avg",
    "decoder_arbitrary_ende_attn_avg",
)
LATENCIES = (
    "latency_mean_encoder",
    "latency_mean_decoder",
    "latency_std_encoder",
    "latency_std_decoder",
)
ROWS = 160
SHIFTED_RUNS = [(30, 69, 25), (110, 129, 40)]
"""First row, last row, percent by which the rows between are slower."""

TASK, LATENCY_NORM = "made.xx-yy", 200
FEATURE_NORM = [640, 6, 2048, 6, 640, 6, 2048, 6, 6, 2]


def make(folder: Path) -> None:
    rng = np.random.default_rng(14)
    features, latency_ms = _measure(rng)
    _write_csv(folder / "hat/latency/made_cpu_quiet_all.csv", features, latency_ms, rng)
    _write_predictor(folder / "hat", features, latency_ms.sum(axis=1))
    features, latency_ms = _measure(rng)
    for first, last, percent in SHIFTED_RUNS:
        latency_ms[first : last + 1] *= 1 + percent / 100
    _write_csv(folder / "hat/latency/made_cpu_shifted_all.csv", features, latency_ms, rng)


def _measure(rng: np.random.Generator) -> tuple[Any, Any]:
    """Features (ROWS, 10) and milliseconds of encoder and decoder (ROWS, 2)."""

    def averages(choices: list[int], layers: Any) -> Any:
        return np.array([rng.choice(choices, int(count)).mean() for count in layers])

    depth = rng.integers(1, 7, ROWS)
    encoder_depth = np.full(ROWS, 6)
    features = np.column_stack(
        [
            rng.choice([640, 512], ROWS),
            encoder_depth,
            averages([2048, 1024, 512], encoder_depth),
            averages([4, 2], encoder_depth),
            rng.choice([640, 512], ROWS),
            depth,
            averages([2048, 1024, 512], depth),
            averages([4, 2], depth),
            averages([4, 2], depth),
            averages([1, 2, 3], depth),
        ]
    )
    encoder = 2 + features[:, 0] / 640 + features[:, 2] / 1024
    decoder = 5 + 25 * depth + 4 * features[:, 4] / 640 + 2 * features[:, 9]
    latency_ms = np.column_stack([encoder, decoder])
    return features, latency_ms * np.exp(0.01 * rng.standard_normal((ROWS, 1)))


def _write_csv(path: Path, features: Any, latency_ms: Any, rng: np.random.Generator) -> None:
    deviations = 0.01 * latency_ms * rng.uniform(0.5, 1.5, latency_ms.shape)
    rows = np.column_stack([features, latency_ms, deviations])
    lines = [",".join((*FEATURES, *LATENCIES))]
    lines += [",".join(f"{value:.6g}" for value in row) for row in rows]
    write_lines(path, lines)


def _write_predictor(folder: Path, features: Any, latency_ms: Any) -> None:
    """A network of HAT's layers that hands the features through and adds them up at the end."""
    scaled = features / FEATURE_NORM
    design = np.column_stack([scaled, np.ones(len(scaled))])
    prices = np.linalg.lstsq(design, latency_ms / LATENCY_NORM, rcond=None)[0].round(6)
    count = len(FEATURES)
    state = {"first_layer.weight": torch.eye(count), "first_layer.bias": torch.zeros(count)}
    for layer in range(3):
        state[f"layers.{layer}.weight"] = torch.eye(count)
        state[f"layers.{layer}.bias"] = torch.zeros(count)
    state["predict.weight"] = torch.tensor(prices[None, :count], dtype=torch.float32)
    state["predict.bias"] = torch.tensor(prices[count:], dtype=torch.float32)
    packed = io.BytesIO()
    torch.save(state, packed)
    write(folder / "predictors" / "made_cpu_quiet.pt", packed.getvalue())
    write_lines(
        folder / "configs" / TASK / "latency_predictor" / "cpu_quiet.yml",
        [
            "lat-dataset-path: ./latency_dataset/made_cpu_quiet_all.csv",
            f"feature-norm: {FEATURE_NORM}",
            f"lat-norm: {LATENCY_NORM}",
            f"feature-dim: {count}",
            f"hidden-dim: {count}",
            "hidden-layer-num: 3",
            "ckpt-path: ./latency_dataset/predictors/made_cpu_quiet.pt",
        ],
    )
