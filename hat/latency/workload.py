"""What is timed: the work that one latency figure stands for."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from hat.errors import ConfigError, suggestion
from hat.machine.instructions import FULL, INT8_RANGES, int8_range
from hat.tasks.facts import DEFAULT_SRC_LEN

DEVICES = ("cpu", "cuda")
PRECISIONS = ("fp32", "bf16", "fp16", "int8")


@dataclass(frozen=True, kw_only=True)
class Workload:
    """Everything that decides a latency besides the architecture and the machine."""

    device: str = "cpu"
    """``cpu`` or ``cuda``."""

    src_len: int = DEFAULT_SRC_LEN
    """Source sentence length in tokens."""

    decode_steps: int = DEFAULT_SRC_LEN
    """Target tokens generated one by one."""

    batch_size: int = 1
    """Sentences translated at once."""

    beam: int = 5
    """Hypotheses per sentence in the decoder."""

    precision: str = "fp32"
    """``fp32``, ``bf16``, ``fp16``, or ``int8`` (dynamically quantised weights, CPU only)."""

    int8_range: str | None = None
    """For ``int8`` ``full`` or ``reduced``, by default the one that is right on this machine: how
    many values activations take. None for the other precisions."""

    num_threads: int = 1
    """Threads torch may use on the CPU."""

    warmup_runs: int = 5
    """Runs before the first timed one."""

    runs: int = 300
    """Timed runs; where ``ci_percent`` is set, the cap."""

    trim_fraction: float = 0.1
    """Share of the timed runs dropped at each end before mean and deviation."""

    ci_percent: float | None = None
    """Stop timing when the 95 % confidence interval of the mean is within +- this percentage."""

    def __post_init__(self) -> None:
        if self.device not in DEVICES:
            raise ConfigError(f"device must be one of {', '.join(DEVICES)}, not {self.device!r}")
        if self.precision not in PRECISIONS:
            known = ", ".join(PRECISIONS)
            raise ConfigError(f"precision must be one of {known}, not {self.precision!r}")
        if self.precision == "int8" and self.device != "cpu":
            raise ConfigError("precision int8 is for the CPU: choose fp16 or bf16 on a GPU")
        self._check_int8_range()
        for name in ("src_len", "decode_steps", "batch_size", "beam", "num_threads", "runs"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1, but is {getattr(self, name)}")
        if self.warmup_runs < 0:
            raise ConfigError(f"warmup_runs must not be negative, but is {self.warmup_runs}")
        if not 0 <= self.trim_fraction < 0.5:
            raise ConfigError(
                f"trim_fraction must lie in 0..0.5, or no run is left, but is {self.trim_fraction}"
            )
        if self.ci_percent is not None and self.ci_percent <= 0:
            raise ConfigError(f"ci_percent must be positive, but is {self.ci_percent}")

    def _check_int8_range(self) -> None:
        if self.precision != "int8":
            if self.int8_range is not None:
                raise ConfigError(f"int8_range is for precision int8, not {self.precision}")
        elif self.int8_range is None:
            object.__setattr__(self, "int8_range", int8_range())
        elif self.int8_range not in INT8_RANGES:
            known = " or ".join(INT8_RANGES)
            raise ConfigError(f"int8_range must be {known}, not {self.int8_range!r}")

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
        except (ConfigError, TypeError) as error:
            raise ConfigError(f"{where}: {error}") from None

    def difference(self, other: "Workload") -> str | None:
        """Says in words where two workloads give figures that cannot be compared, if they do.

        How often something is timed does not count; what is timed does.
        """
        compared = ("device", "precision", "int8_range", "src_len", "decode_steps", "batch_size")
        for name in (*compared, "beam"):
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine != theirs:
                return f"{name} is {mine} in one and {theirs} in the other"
        if self.device == "cpu" and self.num_threads != other.num_threads:
            return f"num_threads is {self.num_threads} in one and {other.num_threads} in the other"
        return None

    def tag(self) -> str:
        """A short name for signatures, such as ``cpu-fp32-t1-s30-d30-b1x5``.

        int8 is ``int8full`` or ``int8reduced``.
        """
        threads = f"-t{self.num_threads}" if self.device == "cpu" else ""
        return (
            f"{self.device}-{self.precision}{self.int8_range or ''}{threads}"
            f"-s{self.src_len}-d{self.decode_steps}-b{self.batch_size}x{self.beam}"
        )
