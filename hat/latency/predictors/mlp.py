"""HAT's latency predictor: a perceptron on ten scaled features, trained as HAT trains it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hat.arrays import Floats
from hat.errors import ConfigError
from hat.latency.predictor import LatencyPredictor, Scales
from hat.latency.table import ArchTable


@dataclass(frozen=True, kw_only=True)
class MlpRecipe:
    """How HAT builds and trains its predictor (the defaults of its ``latency_predictor.py``)."""

    feature_dim: int = 10
    hidden_dim: int = 400
    hidden_layer_num: int = 3
    """Hidden layers after the first one."""

    train_steps: int = 5000
    bsz: int = 128
    lr: float = 1e-5

    def __post_init__(self) -> None:
        if self.feature_dim != 10:
            raise ConfigError(f"feature-dim must be 10, HAT's features, but is {self.feature_dim}")
        for name in ("hidden_dim", "hidden_layer_num", "train_steps", "bsz"):
            if getattr(self, name) < 1:
                flag = name.replace("_", "-")
                raise ConfigError(f"{flag} must be at least 1, but is {getattr(self, name)}")
        if self.lr <= 0:
            raise ConfigError(f"lr must be positive, but is {self.lr:g}")


class LatencyMlp(nn.Module):
    """Linear layers with ReLU between; parameter names are HAT's, so its files load."""

    def __init__(self, feature_dim: int, hidden_dim: int, hidden_layer_num: int) -> None:
        super().__init__()
        self.first_layer = nn.Linear(feature_dim, hidden_dim)
        self.layers = nn.ModuleList(
            nn.Linear(hidden_dim, hidden_dim) for _ in range(hidden_layer_num)
        )
        self.predict = nn.Linear(hidden_dim, 1)

    def forward(self, x: Tensor) -> Tensor:
        """x: (N, feature_dim), scaled -> (N,) latency over ``lat_norm``."""
        x = F.relu(self.first_layer(x))
        for layer in self.layers:
            x = F.relu(layer(x))
        output: Tensor = self.predict(x)
        return output.squeeze(-1)


@dataclass(kw_only=True)
class MlpPredictor(LatencyPredictor):
    """The perceptron with its scales."""

    kind: ClassVar[str] = "mlp"

    net: LatencyMlp

    def predict_table(self, table: ArchTable) -> Floats:
        """Returns (N,) milliseconds."""
        x = _scaled(table.features, self.scales)
        with torch.no_grad():
            predicted: Floats = self.net(x).double().numpy() * self.scales.lat_norm
        return predicted

    def state(self) -> dict[str, Any]:
        """HAT's own state dict."""
        return dict(self.net.state_dict())

    @classmethod
    def from_state(cls, state: Mapping[str, Any], scales: Scales) -> "MlpPredictor":
        """Rebuilds the network; its sizes are those of the weights."""
        hidden_dim, feature_dim = state["first_layer.weight"].shape
        layers = sum(name.startswith("layers.") and name.endswith(".weight") for name in state)
        net = LatencyMlp(feature_dim, hidden_dim, layers)
        net.load_state_dict(dict(state))
        return cls(scales=scales, net=net.eval())


def fit_mlp(
    train: ArchTable,
    train_ms: Floats,
    valid: ArchTable,
    valid_ms: Floats,
    *,
    scales: Scales,
    rng: np.random.Generator,
    recipe: MlpRecipe | None = None,
    report: Callable[[str], None] | None = None,
) -> MlpPredictor:
    """Trains HAT's predictor by HAT's recipe: Adam, mean squared error, random batches.

    The validation rows calibrate the interval; they do not steer the training.

    Args:
        train: the training architectures; ``train_ms`` (N,) their latency.
        train_ms: milliseconds.
        valid: architectures held out; ``valid_ms`` their latency.
        valid_ms: milliseconds.
        scales: what features and latency are divided by.
        rng: draws the initial weights and the batches.
        recipe: sizes, steps and rate; HAT's defaults if omitted.
        report: called with a line every 100 steps, as HAT prints them.

    Raises:
        ConfigError: if the batch is larger than the training set.
    """
    recipe = recipe or MlpRecipe()
    if recipe.bsz > len(train):
        raise ConfigError(f"bsz is {recipe.bsz}, but there are only {len(train)} rows to train on")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**31)))
        net = LatencyMlp(recipe.feature_dim, recipe.hidden_dim, recipe.hidden_layer_num)
    optimizer = torch.optim.Adam(net.parameters(), lr=recipe.lr)
    x, y = _scaled(train.features, scales), torch.from_numpy(train_ms / scales.lat_norm).float()
    valid_x = _scaled(valid.features, scales)
    valid_y = torch.from_numpy(valid_ms / scales.lat_norm).float()
    for step in range(recipe.train_steps):
        batch = torch.from_numpy(rng.choice(len(train), size=recipe.bsz, replace=False))
        loss = F.mse_loss(net(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if report and step % 100 == 0 and len(valid):
            with torch.no_grad():
                valid_loss = F.mse_loss(net(valid_x), valid_y).item()
            report(f"Validation loss at {step} steps: {valid_loss}")
    predictor = MlpPredictor(scales=scales, net=net.eval())
    if len(valid):
        predicted = predictor.predict_table(valid)
        predictor.residuals = np.sort((valid_ms - predicted) / predicted)
    return predictor


def _scaled(features: Floats, scales: Scales) -> Tensor:
    """HAT divides in double precision, then rounds to single."""
    return torch.from_numpy(features / np.array(scales.feature_norm)).float()
