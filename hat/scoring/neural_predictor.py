"""A learned scorer: graph convolutional networks trained on architectures that have a score.

After "Neural Predictor for Neural Architecture Search" (Wen et al., arXiv 1912.00848), with an
ensemble in place of one network: its spread says how sure it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import torch
from torch.nn import functional as F

from hat.arrays import Floats
from hat.errors import DataError
from hat.models.gcn import GcnEnsemble, GraphTensors
from hat.models.gcn_training import PredictorSettings, evaluate_ensemble, train_ensemble
from hat.scoring.graph_encoding import Encoder, Graphs
from hat.scoring.prediction import Prediction

A = TypeVar("A")


class NeuralPredictor(Generic[A]):
    """Predicts scores of architectures from the scores of others. It is a ``Scorer``."""

    def __init__(
        self,
        encoder: Encoder[A],
        *,
        higher_is_better: bool,
        settings: PredictorSettings | None = None,
        name: str = "neural-predictor",
    ) -> None:
        """Prepares an untrained predictor.

        Args:
            encoder: architectures as graphs, such as ``encode_cells``.
            higher_is_better: the direction of the scores it will learn.
            settings: network and training.
            name: for reports.
        """
        self.name = name
        self.higher_is_better = higher_is_better
        self.settings = settings or PredictorSettings()
        self.encoder = encoder
        self._trained: tuple[GcnEnsemble, FeatureScale, ScoreScale] | None = None

    def fit(self, archs: Sequence[A], scores: Floats, *, rng: np.random.Generator) -> None:
        """Trains anew on N architectures; those whose score is not finite are left out.

        Raises:
            DataError: if fewer than two architectures have a score.
        """
        graphs, scores = known_graphs(self.name, self.encoder, archs, scores)
        features = FeatureScale.of(graphs)
        scale = ScoreScale.of(scores, self.settings.target)
        targets = torch.tensor(scale.forward(scores), dtype=torch.float32)
        net = train_ensemble(
            features.tensors(graphs), targets, self.settings, loss=F.mse_loss, rng=rng
        )
        self._trained = net, features, scale

    def predict(self, archs: Sequence[A]) -> Prediction:
        """Predicts the scores of N architectures.

        Raises:
            DataError: if the predictor was not trained.
        """
        if self._trained is None:
            raise DataError(f"{self.name} must be trained before it can predict")
        net, features, scale = self._trained
        if not len(archs):
            return Prediction(np.zeros(0), np.zeros(0))
        outputs = evaluate_ensemble(net, features.tensors(self.encoder(archs)))
        mean, std = outputs.mean(axis=0), outputs.std(axis=0)
        # Half the distance between one deviation up and down: sinh would let a single member far
        # out on its exponential branch drown the others if each were scaled back on its own.
        low, high = scale.backward(mean - std), scale.backward(mean + std)
        return Prediction(scale.backward(mean), (high - low) / 2)

    def score(self, archs: Sequence[A]) -> Floats:
        """The mean prediction, float64 (N,)."""
        return self.predict(archs).mean


def known_graphs(
    name: str, encoder: Encoder[A], archs: Sequence[A], scores: Floats
) -> tuple[Graphs, Floats]:
    """Encodes the K of N architectures that have a finite score: graphs and scores (K,).

    Raises:
        DataError: if there are fewer than two.
    """
    scores = np.asarray(scores, dtype=np.float64)
    known = np.flatnonzero(np.isfinite(scores))
    if len(known) < 2:
        raise DataError(
            f"{name} needs at least 2 architectures with a score to learn from, "
            f"but found {len(known)}"
        )
    return encoder([archs[int(i)] for i in known]), scores[known]


@dataclass(frozen=True)
class FeatureScale:
    """What to subtract from and divide features by, measured on a training set.

    Features that stay within [-2, 2], such as indicators and shares, are left as they are.
    """

    node_shift: Floats
    node_scale: Floats
    whole_shift: Floats
    whole_scale: Floats

    @classmethod
    def of(cls, graphs: Graphs) -> "FeatureScale":
        """Measures the features of vertices that exist and of whole graphs."""
        vertices = graphs.nodes[graphs.mask > 0].astype(np.float64)
        return cls(*_shift_and_scale(vertices), *_shift_and_scale(graphs.whole.astype(np.float64)))

    def tensors(self, graphs: Graphs) -> GraphTensors:
        """Scales the features of N graphs; vertices that do not exist stay zero."""
        nodes = (graphs.nodes - self.node_shift) / self.node_scale * graphs.mask[..., None]
        whole = (graphs.whole - self.whole_shift) / self.whole_scale
        return GraphTensors(
            torch.tensor(nodes, dtype=torch.float32),
            torch.tensor(graphs.adjacency),
            torch.tensor(graphs.mask),
            torch.tensor(whole, dtype=torch.float32),
        )


def _shift_and_scale(values: Floats) -> tuple[Floats, Floats]:
    """Mean and deviation of each column of (R, C), or 0 and 1 where it needs no scaling."""
    as_is = np.abs(values).max(axis=0, initial=0.0) <= 2
    std = values.std(axis=0)
    shift = np.where(as_is, 0.0, values.mean(axis=0))
    return shift, np.where(as_is | (std < 1e-6), 1.0, std)


@dataclass(frozen=True)
class ScoreScale:
    """Scores to targets of a network and back; see ``PredictorSettings.target``."""

    centre: float
    spread: float
    is_asinh: bool

    @classmethod
    def of(cls, scores: Floats, target: str) -> "ScoreScale":
        """Measures the scores of a training set."""
        if target == "asinh":
            centre = float(np.median(scores))
            spread = 1.4826 * float(np.median(np.abs(scores - centre)))
        else:
            centre, spread = float(scores.mean()), float(scores.std())
        return cls(centre, spread or float(scores.std()) or 1.0, target == "asinh")

    def forward(self, scores: Floats) -> Floats:
        """From scores to targets."""
        scaled: Floats = (scores - self.centre) / self.spread
        return np.arcsinh(scaled) if self.is_asinh else scaled

    def backward(self, targets: Floats) -> Floats:
        """From targets to scores."""
        scaled: Floats = np.sinh(targets) if self.is_asinh else targets
        return np.asarray(scaled * self.spread + self.centre)
