"""Reading predictors from files: ours, and HAT's published ones."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hat.arch.config import DecoderConfig, EncoderConfig, SubTransformerConfig
from hat.errors import CheckpointError, ConfigError, HatError
from hat.json_reader import parse_object
from hat.latency.predictor import FORMAT, LatencyPredictor, Scales
from hat.latency.predictors import PREDICTORS
from hat.reading import reason
from hat.torch_files import check_tensors, open_torch
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
        except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
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
        scales = Scales(tuple(content["feature_norm"]), float(content["lat_norm"]))
        predictor: LatencyPredictor = kind.from_state(content["state"], scales)
        predictor.residuals = np.sort(content["residuals"].numpy().astype(np.float64).reshape(-1))
        predictor.choices = {str(k): [int(v) for v in vs] for k, vs in content["choices"].items()}
        predictor.facts = parse_object(
            content["facts"], f"{source}: its facts", "facts", CheckpointError
        )
    except CheckpointError:
        raise
    except (ConfigError, KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise CheckpointError(
            f"{source}: is a damaged latency predictor: {reason(error)}"
        ) from None
    predictor.source = source
    _check_prediction(predictor)
    return predictor


def _check_prediction(predictor: LatencyPredictor) -> None:
    """Predicts one architecture, so that weights that do not fit each other are found here.

    Raises:
        CheckpointError: if that fails or gives no number.
    """

    def choice(name: str) -> int:
        return min(predictor.choices.get(name) or [1])

    decoder = choice("decoder_layer_num")
    encoder = choice("encoder_layer_num")
    try:
        arch = SubTransformerConfig(
            encoder=EncoderConfig(
                embed_dim=choice("encoder_embed_dim"),
                ffn_dims=(choice("encoder_ffn_embed_dim"),) * encoder,
                self_heads=(choice("encoder_self_attention_heads"),) * encoder,
            ),
            decoder=DecoderConfig(
                embed_dim=choice("decoder_embed_dim"),
                ffn_dims=(choice("decoder_ffn_embed_dim"),) * decoder,
                self_heads=(choice("decoder_self_attention_heads"),) * decoder,
                ende_heads=(choice("decoder_ende_attention_heads"),) * decoder,
                ende_spans=(choice("decoder_ende_spans"),) * decoder,
            ),
        )
        found = predictor.predict_ms([arch])
    except (HatError, KeyError, TypeError, ValueError, IndexError, RuntimeError) as error:
        raise CheckpointError(
            f"{predictor.source}: is a damaged latency predictor: it cannot predict: "
            f"{reason(error)}"
        ) from None
    if not np.isfinite(found).all():
        raise CheckpointError(
            f"{predictor.source}: is a damaged latency predictor: it predicts {found[0]:g} ms"
        )
