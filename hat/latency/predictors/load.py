"""Reading predictors from files: ours, and HAT's published ones."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hat.errors import CheckpointError, ConfigError
from hat.latency.predictor import FORMAT, LatencyPredictor, Scales
from hat.latency.predictors import PREDICTORS


class NoScalesError(ConfigError):
    """One of HAT's predictors came without its scales."""


def load_predictor(
    path: str | Path,
    *,
    feature_norm: Sequence[float] | None = None,
    lat_norm: float | None = None,
) -> LatencyPredictor:
    """Reads a predictor: ours, or one of HAT's published ``.pt`` files.

    Args:
        path: the file.
        feature_norm: D=10 scales. Needed for HAT's files, which do not hold them; for ours they
            must agree with the stored ones if given.
        lat_norm: milliseconds, likewise.

    Raises:
        CheckpointError: if the file is missing, damaged or something else.
        ConfigError: if scales are missing or contradict the stored ones.
    """
    import torch

    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror}") from None
    except Exception:
        # torch raises many kinds of errors for files that are not its own
        raise CheckpointError(f"{path}: is not a latency predictor that hat can read") from None
    if isinstance(content, Mapping) and "first_layer.weight" in content:
        if feature_norm is None or lat_norm is None:
            raise NoScalesError(
                f"{path}: HAT's predictors do not hold their scales: "
                "give --feature-norm and --lat-norm"
            )
        scales = Scales(tuple(map(float, feature_norm)), float(lat_norm))
        predictor: LatencyPredictor = PREDICTORS.load("mlp").from_state(content, scales)
        predictor.source = str(path)
        return predictor
    if not isinstance(content, Mapping) or content.get("format") != FORMAT:
        raise CheckpointError(f"{path}: is not a latency predictor")
    predictor = predictor_of_content(content, str(path))
    predictor.check_scales(feature_norm, lat_norm)
    return predictor


def predictor_of_content(content: Mapping[str, Any], source: str) -> LatencyPredictor:
    """Returns the predictor whose ``content()`` is given.

    Args:
        content: what ``content()`` returned.
        source: where it was found, for messages.

    Raises:
        CheckpointError: if it is damaged, or of a kind that is not known here.
    """
    try:
        kind = PREDICTORS.load(str(content.get("kind")))
    except ConfigError as error:
        raise CheckpointError(f"{source}: cannot be read here: {error}") from None
    try:
        scales = Scales(tuple(content["feature_norm"]), float(content["lat_norm"]))
        predictor: LatencyPredictor = kind.from_state(content["state"], scales)
        predictor.residuals = content["residuals"].numpy()
        predictor.choices = {str(k): [int(v) for v in vs] for k, vs in content["choices"].items()}
        predictor.facts = json.loads(content["facts"])
    except (ConfigError, KeyError, TypeError, ValueError, AttributeError, RuntimeError):
        raise CheckpointError(f"{source}: is a damaged latency predictor") from None
    predictor.source = source
    return predictor
