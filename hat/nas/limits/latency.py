"""Limits on latency, on any number of devices: each has its predictor and its amount."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from hat.amounts import LATENCY_UNITS, LEAST_MS
from hat.conditions import file_digest
from hat.engines import ENGINES
from hat.errors import ConfigError
from hat.latency.predictors import PREDICTORS
from hat.latency.samples import FEATURE_COLUMNS
from hat.latency.workload import tag_of
from hat.nas.limits.base import Amount, Ground, SearchLimit, bound_in_words, upper_bound
from hat.numerals import number_of
from hat.search.constraints import Limit
from hat.settings import Above, Below, Needs, OneOf, Settings, Shown

_AMOUNT = Amount("--latency-constraint", "a number of milliseconds", LATENCY_UNITS, LEAST_MS)


@dataclass(frozen=True, kw_only=True)
class LatencySettings(Settings):
    """Limits on the latency of a sentence."""

    ckpt_path: Annotated[tuple[Path, ...], Shown("FILE")] = ()
    """latency predictor, one for each device"""

    feature_norm: Annotated[tuple[float, ...], Above(0)] = ()
    """only for HAT's predictors; ten numbers for all of them or for each"""

    lat_norm: Annotated[tuple[float, ...], Above(0)] = ()
    """only for HAT's predictors; one number for all of them or for each"""

    latency_constraint: Annotated[tuple[str, ...], Shown("LIMIT")] = ()
    """one for each predictor: milliseconds per sentence, or a percentage of the largest one's
    latency: 60%"""

    lat_engine: Annotated[str | None, OneOf(ENGINES)] = None
    """engine that all predictors have to be for; others are refused"""

    latency_confidence: Annotated[float, Above(0), Below(1), Needs("latency-constraint")] = 0.95
    """a candidate fits if its measured latency stays under the limit this often"""

    def __post_init__(self) -> None:
        super().__post_init__()
        paths, texts = self.ckpt_path, self.latency_constraint
        for flag, one, other in (("ckpt-path", paths, texts), ("latency-constraint", texts, paths)):
            if other and not one:
                raise ConfigError(f"--{flag} is missing")
        if len(paths) != len(texts):
            raise ConfigError(
                "every latency predictor needs its limit: --ckpt-path names "
                f"{number_of(len(paths), 'predictor')}, but --latency-constraint "
                f"{number_of(len(texts), 'limit')}"
            )
        for text in texts:
            _AMOUNT.check(text)


class Latency:
    """A single limit is called ``latency_ms``.

    Of several, each is called ``latency_ms@`` and the name of its predictor's file.
    """

    Settings: ClassVar = LatencySettings
    asked_by: ClassVar = "latency_constraint"

    @classmethod
    def build(cls, settings: LatencySettings, ground: Ground) -> list[SearchLimit]:
        """Loads the predictors and reads the limit for each.

        Raises:
            ConfigError: if a limit is wrong or a predictor was made for another space.
            CheckpointError: if a predictor cannot be read.
        """
        if not settings.ckpt_path:
            return []
        from hat.latency.predictors.load import load_predictor

        paths = list(map(str, settings.ckpt_path))
        several = len(paths) > 1
        names = [f"@{name}" for name in _distinct_names(paths)] if several else [""]
        norms = _norms(settings, len(paths))
        found = []
        for path, text, name, (feature_norm, lat_norm) in zip(
            paths, settings.latency_constraint, names, norms, strict=True
        ):
            predictor = load_predictor(path, feature_norm=feature_norm, lat_norm=lat_norm)
            predictor.check_target("latency")
            predictor.check_engine(settings.lat_engine)
            predictor.check_space(ground.space)
            at_most = _AMOUNT.read(text, predictor.predict_ms, ground.space)
            upper = upper_bound(predictor, settings.latency_confidence, ground.say)
            meaning = bound_in_words(predictor, settings.latency_confidence)
            found.append(
                SearchLimit(
                    limit=Limit(f"latency_ms{name}", at_most, upper, meaning),
                    predictor=predictor,
                    workload=tag_of(predictor.facts, predictor.source),
                    signature={
                        "latency-confidence": settings.latency_confidence,
                        f"content of ckpt-path{name}": file_digest(path),
                        **PREDICTORS.origin(predictor.kind),
                    },
                )
            )
        return found


def _norms(
    settings: LatencySettings, count: int
) -> list[tuple[Sequence[float] | None, float | None]]:
    """The scales of each predictor; those given once hold for all.

    Raises:
        ConfigError: if there are neither scales for one predictor nor for each.
    """
    size = len(FEATURE_COLUMNS)
    numbers = [float(number) for number in settings.feature_norm]
    features = [numbers[start : start + size] for start in range(0, len(numbers), size)]
    latencies = [float(number) for number in settings.lat_norm]
    if len(numbers) not in (0, size, size * count):
        each = f", or {size} for each of {count} predictors" if count > 1 else ""
        raise ConfigError(f"--feature-norm needs {size} numbers{each}, but found {len(numbers)}")
    if len(latencies) not in (0, 1, count):
        each = f", or one for each of {count} predictors" if count > 1 else ""
        raise ConfigError(f"--lat-norm needs one number{each}, but found {len(latencies)}")
    return [
        (
            features[min(index, len(features) - 1)] if features else None,
            latencies[min(index, len(latencies) - 1)] if latencies else None,
        )
        for index in range(count)
    ]


def _distinct_names(paths: Sequence[str]) -> list[str]:
    """File names without their ending, with as much of the folders as tells them apart.

    Raises:
        ConfigError: if a file stands twice.
    """
    parts = [Path(path).with_suffix("").parts for path in paths]
    for length in range(1, max(map(len, parts)) + 1):
        names = ["/".join(each[-length:]) for each in parts]
        if len(set(names)) == len(names):
            return names
    twice = Counter(paths).most_common(1)[0][0]
    raise ConfigError(f"--ckpt-path names {twice} twice")
