"""What a learned predictor has to beat: boosted trees and a linear model on plain features."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hat.arrays import Floats
from hat.scoring.graph_encoding import Encoder
from hat.scoring.neural_predictor import ScoreScale
from hat.scoring.prediction import Prediction


class FlatPredictor:
    """A scikit-learn regressor on a row of numbers per graph.

    It sees the network's features of every vertex and the adjacency, and so that it need not
    find out that vertices can be renamed, their sums and maxima over vertices and how often each
    kind of vertex leads to each other. The scaled target is the network's, too.
    """

    def __init__(self, encoder: Encoder[Any], make: Callable[[int], Any], vertices: int) -> None:
        """Args: encoder: as the network's; make: a regressor from a seed; vertices: to pad to."""
        self.encoder, self.make, self.vertices = encoder, make, vertices

    def fit(self, archs: Sequence[Any], scores: Floats, *, rng: np.random.Generator) -> None:
        """Trains anew."""
        self.scale = ScoreScale.of(scores, "asinh")
        self.model = self.make(int(rng.integers(2**31)))
        self.model.fit(self.features(archs), self.scale.forward(scores))

    def predict(self, archs: Sequence[Any]) -> Prediction:
        """Predicts the scores of N architectures."""
        found = self.scale.backward(self.model.predict(self.features(archs)))
        return Prediction(found, np.zeros(len(found)))

    def features(self, archs: Sequence[Any]) -> Floats:
        """Rows of numbers, (N, D)."""
        graphs = self.encoder(archs)
        missing = self.vertices - graphs.mask.shape[1]
        nodes = np.pad(graphs.nodes, ((0, 0), (0, missing), (0, 0)))
        adjacency = np.pad(graphs.adjacency, ((0, 0), (0, missing), (0, missing)))
        upper = np.triu_indices(self.vertices, k=1)
        pairs = np.swapaxes(nodes, 1, 2) @ adjacency @ nodes
        flat: list[NDArray[Any]] = [nodes.reshape(len(nodes), -1)]
        flat += [adjacency[:, upper[0], upper[1]], graphs.whole]
        flat += [nodes.sum(axis=1), nodes.max(axis=1), pairs.reshape(len(nodes), -1)]
        return np.concatenate(flat, axis=1).astype(np.float64)


def boosting(seed: int) -> Any:
    """Gradient boosting."""
    return GradientBoostingRegressor(
        n_estimators=300, max_depth=4, learning_rate=0.05, subsample=0.7, random_state=seed
    )


def linear(_: int) -> Any:
    """Ridge regression whose penalty leave-one-out chooses."""
    return make_pipeline(StandardScaler(), RidgeCV(np.logspace(-1, 4, 12)))
