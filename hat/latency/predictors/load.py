"""Reading predictors from files: ours, and HAT's published ones."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hat.amounts import LEAST_MS, MOST_MS
from hat.arch.config import MAX_WIDTH
from hat.errors import CheckpointError, ConfigError, HatError
from hat.fields import Fields, whole_lists
from hat.json_reader import parse_object
from hat.latency.choices import CHOICE_FIELDS, smallest
from hat.latency.predictor import FORMAT, LatencyPredictor, Scales
from hat.latency.predictors import PREDICTORS
from hat.latency.workload import Workload
from hat.reading import reason
from hat.torch_files import check_tensors, open_torch, vector
from hat.versioned import check_not_newer


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

    with open_torch(path) as stream:
        try:
            content = torch.load(stream, map_location="cpu", weights_only=True)
        except Exception:
            # torch raises many kinds of errors for files that are not its own
            raise CheckpointError(
                f"{path}: is not a latency predictor that hat can read: expected what "
                "latency_predictor.py wrote, ours or HAT's"
            ) from None
    check_tensors(content, path)
    if isinstance(content, Mapping) and "first_layer.weight" in content:
        if feature_norm is None or lat_norm is None:
            raise NoScalesError(
                f"{path}: HAT's predictors do not hold their scales: "
                "give --feature-norm and --lat-norm"
            )
        scales = Scales(tuple(map(float, feature_norm)), float(lat_norm))
        try:
            predictor: LatencyPredictor = PREDICTORS.load("mlp").from_state(content, scales)
        except _OF_DAMAGE as error:
            raise CheckpointError(
                f"{path}: is a damaged latency predictor: {reason(error)}"
            ) from None
        predictor.source = str(path)
        _check_prediction(predictor)
        return predictor
    found = content.get("format") if isinstance(content, Mapping) else None
    if found != FORMAT:
        check_not_newer(found, FORMAT, path, CheckpointError)
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
        fields = Fields(content, "its content", ConfigError)
        scales = Scales(tuple(fields.numbers("feature_norm")), fields.number("lat_norm"))
        predictor: LatencyPredictor = kind.from_state(fields.mapping("state"), scales)
        predictor.residuals = np.sort(vector(content, "residuals"))
        predictor.choices = whole_lists(
            content.get("choices"), CHOICE_FIELDS, MAX_WIDTH, "choices", ConfigError
        )
        predictor.facts = parse_object(
            fields.text("facts"), "facts", "what is known of a predictor", ConfigError
        )
        _check_facts(predictor.facts)
    except CheckpointError as error:  # of a predictor within
        raise CheckpointError(f"{source}: {error}") from None
    except KeyError as error:
        raise CheckpointError(f"{source}: is a damaged latency predictor: lacks {error}") from None
    except (HatError, *_OF_DAMAGE) as error:
        raise CheckpointError(
            f"{source}: is a damaged latency predictor: {reason(error)}"
        ) from None
    predictor.source = source
    _check_prediction(predictor)
    return predictor


_OF_DAMAGE = (LookupError, TypeError, ValueError, AttributeError, RuntimeError, ArithmeticError)
"""What Python and torch raise where weights do not fit each other."""


def _check_facts(found: Mapping[str, Any]) -> None:
    """Checks what others read of a predictor's facts; each of them may be missing.

    Raises:
        HatError: naming what is wrong.
    """
    facts = Fields(found, "facts", ConfigError)
    for name in ("device", "signature"):
        if found.get(name) is not None:
            facts.text(name)
    if found.get("target") not in (None, "latency", "memory"):
        raise ConfigError(f"target must be latency or memory, but found {found['target']!r:.60}")
    if found.get("workload") is not None:
        Workload.from_dict(facts.mapping("workload"), "facts")
    if found.get("split") is not None:
        split = Fields(facts.mapping("split"), "facts: split", ConfigError)
        for name in found["split"]:
            split.wholes(name)
    if found.get("reference") is not None:
        reference = Fields(facts.mapping("reference"), "facts: reference", ConfigError)
        reference.mapping("arch")  # who measures it reads it
        reference.number("latency_ms", least=LEAST_MS, most=MOST_MS)
        reference.number("noise", least=0)


def _check_prediction(predictor: LatencyPredictor) -> None:
    """Predicts one architecture, so that weights that do not fit each other are found here.

    Raises:
        CheckpointError: if that fails or gives no number.
    """
    try:
        found = predictor.predict_ms([smallest(predictor.choices)])
    except (HatError, *_OF_DAMAGE) as error:
        raise CheckpointError(
            f"{predictor.source}: is a damaged latency predictor: it cannot predict: "
            f"{reason(error)}"
        ) from None
    if not (np.isfinite(found) & (found <= MOST_MS)).all():
        raise CheckpointError(
            f"{predictor.source}: is a damaged latency predictor: it predicts {found[0]:g} ms"
        )
