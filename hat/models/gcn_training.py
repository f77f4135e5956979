"""Training an ensemble of graph networks: a few thousand updates on a few hundred graphs."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from hat.errors import ConfigError
from hat.models.gcn import GcnEnsemble, GraphTensors

_PREDICT_BATCH = 128
"""Graphs at once: what they need between two layers stays in the cache of one core."""

_MAY_BE_ZERO = ("min_steps",)

Loss = Callable[[Tensor, Tensor], Tensor]
"""From outputs and targets, both (M, B), to a scalar: a mean over all of them."""


@dataclass(frozen=True, kw_only=True)
class PredictorSettings:
    """How a predictor looks and learns. The defaults are ours; ``PAPER`` is the original."""

    members: int = 3
    """Networks in the ensemble; they differ in their start and in the order of their batches."""

    epochs: int = 150
    """Passes over the training set, within the limits of ``min_steps`` and ``max_steps``."""

    min_steps: int = 300
    """Updates at least: a handful of architectures needs more passes."""

    max_steps: int = 2000
    """Updates at most: thousands of architectures need fewer passes."""

    batch_size: int = 32
    learning_rate: float = 2e-3
    weight_decay: float = 1e-3
    decoupled_decay: bool = True
    """AdamW if true; else the decay is part of Adam's gradient."""

    warmup_share: float = 0.1
    """Part of the training in which the rate rises; afterwards it falls along a cosine."""

    dropout_p: float = 0.0
    """After every layer; it costs a sixth of the time, and none of our draws gained by it."""

    gcn_dim: int = 144
    gcn_layers: int = 3
    hidden_dim: int = 128
    hidden_relu: bool = True
    """Whether the hidden layer has a rectifier and biases."""

    target: Literal["asinh", "standard"] = "asinh"
    """How scores are brought to one scale. ``standard``: mean 0, deviation 1. ``asinh``: the
    inverse hyperbolic sine of the distance to the median in robust deviations: linear for the
    many, logarithmic for the few trainings that failed."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type is int and value < (0 if field.name in _MAY_BE_ZERO else 1):
                raise ConfigError(f"{field.name} must be at least 1, but found {value}")
        if self.target not in ("asinh", "standard"):
            raise ConfigError(f"target must be asinh or standard, but found {self.target!r}")
        if not 0 <= self.dropout_p < 1:
            raise ConfigError(f"dropout_p must lie in [0, 1), but found {self.dropout_p}")

    def num_steps(self, count: int) -> int:
        """Number of updates on ``count`` graphs."""
        steps = self.epochs * max(1, count // self.batch_size)
        return min(max(steps, self.min_steps), self.max_steps)


PAPER = PredictorSettings(
    members=1,
    epochs=300,
    min_steps=0,
    max_steps=1_000_000,
    batch_size=10,
    learning_rate=1e-4,
    decoupled_decay=False,
    warmup_share=0.0,
    dropout_p=0.1,
    hidden_relu=False,
    target="standard",
)
"""As in github.com/ultmaster/neuralpredictor.pytorch, which follows arXiv 1912.00848."""


def train_ensemble(
    graphs: GraphTensors,
    targets: Tensor,
    settings: PredictorSettings,
    *,
    loss: Loss,
    rng: np.random.Generator,
) -> GcnEnsemble:
    """Trains new networks on N graphs and returns them in eval mode.

    The same ``rng`` gives the same networks; torch's global random state is left as it was.

    Args:
        graphs: of shape (N,).
        targets: (N,).
        settings: network and training.
        loss: what to minimise.
        rng: decides weights, dropout and the order of batches.
    """
    count = len(graphs)
    num_steps = settings.num_steps(count)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**63)))
        net = GcnEnsemble(
            members=settings.members,
            node_dim=graphs.nodes.size(-1),
            whole_dim=graphs.whole.size(-1),
            gcn_dim=settings.gcn_dim,
            gcn_layers=settings.gcn_layers,
            hidden_dim=settings.hidden_dim,
            hidden_relu=settings.hidden_relu,
            dropout_p=settings.dropout_p,
        )
        kind = torch.optim.AdamW if settings.decoupled_decay else torch.optim.Adam
        optimiser = kind(
            net.parameters(),
            lr=settings.learning_rate,
            weight_decay=settings.weight_decay,
            fused=True,  # one pass over the weights instead of ten
        )
        warmup = round(settings.warmup_share * num_steps)
        net.train()
        batches = _batches(count, min(settings.batch_size, count), settings.members, rng)
        for step in range(num_steps):
            for group in optimiser.param_groups:
                group["lr"] = settings.learning_rate * _rate(step, num_steps, warmup)
            index = next(batches)
            optimiser.zero_grad()
            # Times M, so that the gradient of each member is that of its own mean.
            total = loss(net(graphs[index]), targets[index]) * settings.members
            total.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
    return net.eval()


@torch.inference_mode()
def evaluate_ensemble(net: GcnEnsemble, graphs: GraphTensors) -> np.ndarray:
    """Returns the outputs of all members for N graphs, float64 (M, N)."""
    parts = [
        net(graphs[torch.arange(start, min(start + _PREDICT_BATCH, len(graphs)))])
        for start in range(0, len(graphs), _PREDICT_BATCH)
    ]
    return torch.cat(parts, dim=1).double().numpy()


def _rate(step: int, num_steps: int, warmup: int) -> float:
    """Share of the peak learning rate: up linearly, down along half a cosine."""
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, num_steps - warmup)))


def _batches(count: int, size: int, members: int, rng: np.random.Generator) -> Iterator[Tensor]:
    """Yields indices (M, B) without end; every member shuffles anew when it has seen all."""
    while True:
        order = np.stack([rng.permutation(count) for _ in range(members)])
        for start in range(0, count - size + 1, size):
            yield torch.from_numpy(order[:, start : start + size])
