"""What is timed: the work that one latency figure stands for."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Annotated, Any, Literal

from hat.errors import ConfigError, suggestion
from hat.machine.instructions import FULL, int8_range
from hat.settings import Above, AtLeast, AtMost, Below, Settings
from hat.tasks.facts import DEFAULT_SRC_LEN

HATS_ENGINE = "eager"
"""Torch's modules one by one, as HAT measures."""

Precision = Literal["fp32", "bf16", "fp16", "int8"]
"""Number formats in which networks are timed."""


@dataclass(frozen=True, kw_only=True)
class Workload(Settings):
    """Everything that decides a latency besides the architecture and the machine."""

    device: Literal["cpu", "cuda"] = "cpu"
    """Where."""

    engine: str = HATS_ENGINE
    """What runs the network, by its name in ``hat.engines``."""

    engine_version: str | None = None
    """Of the engine's package; None for HAT's, whose version is torch's."""

    src_len: Annotated[int, AtLeast(1), AtMost(100_000)] = DEFAULT_SRC_LEN
    """Source sentence length in tokens."""

    decode_steps: Annotated[int, AtLeast(1), AtMost(100_000)] = DEFAULT_SRC_LEN
    """Target tokens generated one by one."""

    batch_size: Annotated[int, AtLeast(1), AtMost(100_000)] = 1
    """Sentences translated at once."""

    beam: Annotated[int, AtLeast(1), AtMost(10_000)] = 5
    """Hypotheses per sentence in the decoder."""

    precision: Precision = "fp32"
    """``int8``: dynamically quantised weights, CPU only."""

    int8_range: Literal["full", "reduced"] | None = None
    """For ``int8`` how many values are used of 8 bits: of activations in torch, by default as many
    as are right on this machine, of weights in other engines. None for the other precisions."""

    num_threads: Annotated[int, AtLeast(1), AtMost(4096)] = 1
    """Threads the engine may use on the CPU."""

    warmup_runs: Annotated[int, AtLeast(0)] = 5
    """Runs before the first timed one."""

    runs: Annotated[int, AtLeast(1)] = 300
    """Timed runs; where ``ci_percent`` is set, the cap."""

    trim_fraction: Annotated[float, AtLeast(0), Below(0.5)] = 0.1
    """Share of the timed runs dropped at each end before mean and deviation."""

    ci_percent: Annotated[float | None, Above(0), Below(100)] = None
    """Stop timing when the 95 % confidence interval of the mean is within +- this percentage."""

    memory: bool = False
    """Look at the peak memory, too."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.precision != "int8":
            if self.int8_range is not None:
                raise ConfigError(f"int8-range is for precision int8, not {self.precision}")
        elif self.device != "cpu":
            raise ConfigError("precision int8 is for the CPU: choose fp16 or bf16 on a GPU")
        elif self.int8_range is None and self.engine in (HATS_ENGINE, "torch"):
            object.__setattr__(self, "int8_range", int8_range())

    @property
    def is_hats_engine(self) -> bool:
        """Whether networks run as HAT runs them, which names and signatures need not say."""
        return self.engine == HATS_ENGINE

    def to_dict(self) -> dict[str, Any]:
        """Returns the fields, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], where: str) -> "Workload":
        """Builds a workload from ``to_dict``'s form.

        int8 without a range is from before there were two: it was the full one everywhere.

        Raises:
            ConfigError: naming ``where``, if a field is unknown or breaks a rule.
        """
        known = [field.name for field in fields(cls)]
        for name in values:
            if name not in known:
                hint = suggestion(name, known)
                raise ConfigError(f"{where}: unknown workload field {name!r}{hint}")
        if values.get("precision") == "int8" and values.get("int8_range") is None:
            values = {**values, "int8_range": FULL}
        try:
            return cls(**values)
        except ConfigError as error:
            raise ConfigError(f"{where}: {error}") from None

    def difference(self, other: "Workload") -> str | None:
        """Says in words where two workloads give figures that cannot be compared, if they do.

        How often something is timed does not count; what is timed does.
        """
        compared = ("device", "engine", "engine_version", "precision", "int8_range")
        for name in (*compared, "src_len", "decode_steps", "batch_size", "beam"):
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine != theirs:
                return f"{name} is {mine} in one and {theirs} in the other"
        if self.device == "cpu" and self.num_threads != other.num_threads:
            return f"num_threads is {self.num_threads} in one and {other.num_threads} in the other"
        return None

    def tag(self) -> str:
        """A short name for signatures, such as ``cpu-fp32-t1-s30-d30-b1x5``.

        int8 is ``int8full`` or ``int8reduced``. Other engines than HAT's are named with their
        version: ``cpu-onnxruntime1.32.0-fp32-t1-s30-d30-b1x5``.
        """
        engine = "" if self.is_hats_engine else f"-{self.engine}{self.engine_version or ''}"
        threads = f"-t{self.num_threads}" if self.device == "cpu" else ""
        return (
            f"{self.device}{engine}-{self.precision}{self.int8_range or ''}{threads}"
            f"-s{self.src_len}-d{self.decode_steps}-b{self.batch_size}x{self.beam}"
        )


def tag_of(facts: Mapping[str, Any], where: str) -> str | None:
    """Returns the tag of the workload among what a predictor knows of itself.

    None where it knows none, as HAT's do.

    Raises:
        ConfigError: naming ``where``, if it is no workload.
    """
    values = facts.get("workload")
    return Workload.from_dict(values, where).tag() if values else None
