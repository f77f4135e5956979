"""A limit on peak memory, by a predictor that was fitted to a dataset's memory."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from hat.conditions import file_digest
from hat.errors import ConfigError
from hat.latency.predictors import PREDICTORS
from hat.latency.workload import tag_of
from hat.nas.limits.base import Amount, Ground, SearchLimit, bound_in_words, upper_bound
from hat.search.constraints import Limit
from hat.settings import Above, Below, Needs, Settings, Shown

_AMOUNT = Amount(
    "--memory-constraint",
    "a number of MiB",
    {"": 1.0, "MiB": 1.0, "GiB": 2.0**10, "MB": 1e6 / 2**20, "GB": 1e9 / 2**20},
)


@dataclass(frozen=True, kw_only=True)
class MemorySettings(Settings):
    """A limit on peak memory."""

    memory_constraint: Annotated[str | None, Shown("LIMIT")] = None
    """peak memory: 200MiB, 0.5GB, or a percentage of the largest one's"""

    memory_ckpt_path: Annotated[Path | None, Shown("FILE")] = None
    """predictor of peak memory, from hat latency-predictor --target memory"""

    memory_confidence: Annotated[float, Above(0), Below(1), Needs("memory-constraint")] = 0.95
    """a candidate fits if its measured memory stays under the limit this often"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.memory_constraint is None) != (self.memory_ckpt_path is None):
            missing = "ckpt-path" if self.memory_ckpt_path is None else "constraint"
            raise ConfigError(f"--memory-{missing} is missing")
        if self.memory_constraint is not None:
            _AMOUNT.check(self.memory_constraint)


class Memory:
    """The most memory that the network takes while it is loaded and run."""

    Settings: ClassVar = MemorySettings
    asked_by: ClassVar = "memory_constraint"

    @classmethod
    def build(cls, settings: MemorySettings, ground: Ground) -> list[SearchLimit]:
        """Loads the predictor and reads the limit; none where none is given.

        Raises:
            ConfigError: if the limit is wrong, or the predictor was made for another space or
                engine or for latency.
            CheckpointError: if the predictor cannot be read.
        """
        if settings.memory_constraint is None:
            return []
        from hat.latency.predictors.load import load_predictor

        path = settings.memory_ckpt_path
        assert path is not None, "the settings need both"
        predictor = load_predictor(path)
        predictor.check_target("memory")
        predictor.check_engine(ground.engine)
        predictor.check_space(ground.space)
        at_most = _AMOUNT.read(settings.memory_constraint, predictor.predict_ms, ground.space)
        confidence = settings.memory_confidence
        upper = upper_bound(predictor, confidence, ground.say)
        meaning = bound_in_words(predictor, confidence)
        return [
            SearchLimit(
                limit=Limit("memory_mib", at_most, upper, meaning),
                workload=tag_of(predictor.facts, predictor.source),
                signature={
                    "memory-confidence": confidence,
                    "content of memory-ckpt-path": file_digest(path),
                    **PREDICTORS.origin(predictor.kind),
                },
            )
        ]
