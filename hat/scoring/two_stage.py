"""A predictor in two stages: throw out the bad architectures, then tell the good ones apart.

Wen et al. (arXiv 1912.00848, section 3.1) train a classifier on whether an architecture reaches
91 percent, and a regressor on those that do, because a few failed trainings dominate its error.
"""

from collections.abc import Sequence
from typing import Generic

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from hat.arrays import Floats
from hat.errors import ConfigError, DataError
from hat.models.gcn import GcnEnsemble
from hat.models.gcn_training import PredictorSettings, evaluate_ensemble, train_ensemble
from hat.scoring.graph_encoding import Encoder
from hat.scoring.neural_predictor import A, FeatureScale, NeuralPredictor, known_graphs
from hat.scoring.prediction import Prediction

MIN_PER_CLASS = 5
"""Fewer good or bad architectures than this teach a classifier nothing."""


class TwoStagePredictor(Generic[A]):
    """A classifier in front of a regressor that only learns from good architectures.

    What the classifier rejects is predicted by a regressor that learned from all, cut off at the
    threshold, so that it never ranks above what was accepted at the threshold.
    """

    def __init__(
        self,
        encoder: Encoder[A],
        *,
        higher_is_better: bool,
        bad_share: float,
        settings: PredictorSettings | None = None,
        name: str = "two-stage-predictor",
    ) -> None:
        """Prepares an untrained predictor.

        Args:
            encoder: architectures as graphs.
            higher_is_better: the direction of the scores.
            bad_share: the part of the training set that counts as bad; choose it by
                cross-validation.
            settings: network and training of all three networks.
            name: for reports.

        Raises:
            ConfigError: if ``bad_share`` does not lie in (0, 1).
        """
        if not 0 < bad_share < 1:
            raise ConfigError(f"bad_share must lie in (0, 1), but found {bad_share}")
        self.name = name
        self.higher_is_better = higher_is_better
        self.bad_share = bad_share
        self.settings = settings or PredictorSettings()
        self.encoder = encoder
        self.threshold = float("nan")
        """The score that separates bad from good; known after training."""
        self._classifier: tuple[GcnEnsemble, FeatureScale] | None = None
        self.regressor = NeuralPredictor(
            encoder, higher_is_better=higher_is_better, settings=settings, name=name
        )
        """Learns from all: the predictor without its first stage."""
        self._good = NeuralPredictor(
            encoder, higher_is_better=higher_is_better, settings=settings, name=name
        )

    def fit(self, archs: Sequence[A], scores: Floats, *, rng: np.random.Generator) -> None:
        """Trains all three networks anew; architectures without a score are left out.

        Raises:
            DataError: if fewer than ``MIN_PER_CLASS`` architectures are good or bad.
        """
        graphs, known = known_graphs(self.name, self.encoder, archs, scores)
        sign = 1.0 if self.higher_is_better else -1.0
        self.threshold = float(sign * np.quantile(sign * known, self.bad_share))
        good = sign * known > sign * self.threshold
        fewest = int(min(good.sum(), (~good).sum()))
        if fewest < MIN_PER_CLASS:
            raise DataError(
                f"{self.name} needs at least {MIN_PER_CLASS} good and bad architectures each, but "
                f"of {len(known)} with a score only {fewest} lie on one side of {self.threshold:g}"
            )
        features = FeatureScale.of(graphs)
        net = train_ensemble(
            features.tensors(graphs),
            torch.tensor(good, dtype=torch.float32),
            self.settings,
            loss=F.binary_cross_entropy_with_logits,
            rng=rng,
        )
        self._classifier = net, features
        scores = np.asarray(scores, dtype=np.float64)
        self.regressor.fit(archs, scores, rng=rng)
        self._good.fit(archs, np.where(self._is_good(scores), scores, np.nan), rng=rng)

    def probability_good(self, archs: Sequence[A]) -> Floats:
        """How likely each of N architectures is better than the threshold, (N,).

        Raises:
            DataError: if the predictor was not trained.
        """
        if self._classifier is None:
            raise DataError(f"{self.name} must be trained before it can predict")
        if not len(archs):
            return np.zeros(0)
        net, features = self._classifier
        logits = evaluate_ensemble(net, features.tensors(self.encoder(archs)))
        return np.asarray((1 / (1 + np.exp(-logits))).mean(axis=0))

    def accepts(self, archs: Sequence[A]) -> NDArray[np.bool_]:
        """Which of N architectures the first stage lets pass, (N,)."""
        return self.probability_good(archs) >= 0.5

    def predict(self, archs: Sequence[A]) -> Prediction:
        """Predicts the scores of N architectures.

        Raises:
            DataError: if the predictor was not trained.
        """
        accepted = self.accepts(archs)
        good, all_ = self._good.predict(archs), self.regressor.predict(archs)
        worst = np.minimum if self.higher_is_better else np.maximum
        return Prediction(
            np.where(accepted, good.mean, worst(all_.mean, self.threshold)),
            np.where(accepted, good.std, all_.std),
        )

    def score(self, archs: Sequence[A]) -> Floats:
        """The mean prediction, float64 (N,)."""
        return self.predict(archs).mean

    def _is_good(self, scores: Floats) -> NDArray[np.bool_]:
        better = np.greater if self.higher_is_better else np.less
        return np.asarray(better(scores, self.threshold))
