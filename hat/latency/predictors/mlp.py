"""HAT's latency predictor: a perceptron on ten scaled features, trained as HAT trains it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np

from hat.arrays import Floats
from hat.errors import ConfigError
from hat.latency.predictor import Fitted, LatencyPredictor, Lesson, Scales
from hat.latency.table import ArchTable
from hat.numerals import number_of
from hat.settings import Above, AtLeast, AtMost, Between, Settings

if TYPE_CHECKING:
    from torch import Tensor

    from hat.latency.predictors.mlp_net import LatencyMlp


@dataclass(frozen=True, kw_only=True)
class MlpSettings(Settings):
    """How HAT builds and trains its predictor (the defaults of its ``latency_predictor.py``)."""

    feature_dim: Annotated[int, Between(10, 10)] = 10
    """features of an architecture"""

    hidden_dim: Annotated[int, AtLeast(1), AtMost(100_000)] = 400
    """width of a hidden layer"""

    hidden_layer_num: Annotated[int, AtLeast(1), AtMost(1000)] = 3
    """hidden layers"""

    train_steps: Annotated[int, AtLeast(1)] = 5000
    """updates of the training"""

    bsz: Annotated[int, AtLeast(1)] = 128
    """rows per update"""

    lr: Annotated[float, Above(0)] = 1e-5
    """Adam's learning rate"""


@dataclass(kw_only=True)
class MlpPredictor(LatencyPredictor):
    """The perceptron with its scales."""

    Settings: ClassVar[type] = MlpSettings
    kind: ClassVar[str] = "mlp"

    net: "LatencyMlp"

    @classmethod
    def build(cls, settings: MlpSettings, lesson: Lesson) -> Fitted:
        """Trains on the rows that are not held back for validation."""
        train = np.setdiff1d(np.arange(len(lesson.table)), lesson.valid)
        predictor = fit_mlp(
            lesson.table.take(train),
            lesson.latency_ms[train],
            lesson.table.take(lesson.valid),
            lesson.latency_ms[lesson.valid],
            scales=lesson.scales,
            rng=np.random.default_rng(lesson.seed),
            settings=settings,
            report=lesson.report,
        )
        return Fitted(predictor, None)

    def predict_table(self, table: ArchTable) -> Floats:
        """Returns (N,) milliseconds."""
        import torch

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
        from hat.latency.predictors.mlp_net import LatencyMlp

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
    settings: MlpSettings | None = None,
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
        settings: sizes, steps and rate; HAT's defaults if omitted.
        report: called with a line every 100 steps, as HAT prints them.

    Raises:
        ConfigError: if the batch is larger than the training set.
    """
    import torch
    from torch.nn import functional as F

    from hat.latency.predictors.mlp_net import LatencyMlp

    recipe = settings or MlpSettings()
    if recipe.bsz > len(train):
        raise ConfigError(
            f"bsz is {recipe.bsz}, but there are only {number_of(len(train), 'row')} to train on: "
            "HAT's MLP needs at least a batch of them"
        )
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


def _scaled(features: Floats, scales: Scales) -> "Tensor":
    """HAT divides in double precision, then rounds to single."""
    import torch

    return torch.from_numpy(features / np.array(scales.feature_norm)).float()
