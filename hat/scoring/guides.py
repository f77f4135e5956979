"""The predictors that can guide a search, by the name of the algorithm that each makes."""

from collections.abc import Callable
from typing import TypeVar

from hat.scoring.graph_encoding import Encoder
from hat.scoring.prediction import Predictor
from hat.scoring.ridge import Features, RidgeEnsemble

A = TypeVar("A")


def guides(features: Features[A], encoder: Encoder[A]) -> dict[str, Callable[[], Predictor[A]]]:
    """Returns makers of untrained predictors for guided algorithms.

    Args:
        features: for ``guided``, ridge regressions.
        encoder: for ``guided-gcn``, an ensemble of graph networks, which needs torch.
    """

    def graph_networks() -> Predictor[A]:
        from hat.scoring.neural_predictor import NeuralPredictor

        # A search minimises whatever it optimises.
        return NeuralPredictor(encoder, higher_is_better=False)

    return {"guided": lambda: RidgeEnsemble(features), "guided-gcn": graph_networks}
