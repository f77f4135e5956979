"""Torch: the packed network and the caches that ``hat.translation`` has."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from hat.engines.base import EngineSettings, threads_of
from hat.errors import ConfigError
from hat.reading import reason

if TYPE_CHECKING:
    from hat.arch.config import SubTransformerConfig
    from hat.engines.steps import StepRunnable
    from hat.models.config import SuperTransformerConfig
    from hat.models.super_transformer import SuperTransformer


@dataclass(frozen=True, kw_only=True)
class TorchSettings(EngineSettings):
    """How torch runs a network."""

    int8_range: Literal["full", "reduced"] | None = None
    """For int8, how many values inputs take. Default: what is right on this machine"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.int8_range is not None and self.precision != "int8":
            raise ConfigError(f"int8-range is for precision int8, not {self.precision}")

    def in_int8(self) -> str:
        """The range of int8 that is meant: ``full`` or ``reduced``."""
        from hat.machine.instructions import int8_range

        return self.int8_range or int8_range()


class TorchEngine:
    """The network packed once, run by torch's products."""

    Settings: ClassVar[type[EngineSettings]] = TorchSettings
    name: ClassVar[str] = "torch"
    about: ClassVar[str] = "torch, its weights packed once"
    script: ClassVar[Path | None] = None

    def __init__(self, settings: TorchSettings) -> None:
        self.settings = settings

    @classmethod
    def build(cls, settings: TorchSettings) -> "TorchEngine":
        """Makes the part."""
        return cls(settings)

    def signature(self) -> dict[str, Any]:
        """See ``hat.engines.base.Engine``."""
        import torch

        return torch_signature(self.name, torch.__version__, self.settings)

    def check(self, config: "SuperTransformerConfig", arch: "SubTransformerConfig") -> None:
        """Torch runs every network."""

    def load(self, small: "SuperTransformer", *, device: str = "cpu") -> "StepRunnable":
        """See ``hat.engines.base.Engine``."""
        from hat.engines.steps import StepRunnable
        from hat.machine.instructions import float_type
        from hat.models.extract import extract
        from hat.translation.linear import Int8Linear
        from hat.translation.torch_runner import TorchRunner

        settings = self.settings
        set_threads(settings)
        takes = (small.config.src_vocab_size, small.config.max_source_positions)
        if settings.precision == "int8":
            check_int8_device(device)
            make = partial(Int8Linear, range_of_int8=settings.in_int8())
            return StepRunnable(TorchRunner(small, make), takes)
        check_device(device)
        if settings.precision != "fp32":
            small = extract(small, small.arch).to(float_type(settings.precision))
        return StepRunnable(TorchRunner(small.to(device)), takes)

    def write(
        self,
        small: "SuperTransformer",
        folder: Path,
        *,
        words: tuple[Sequence[str], Sequence[str]] | None = None,
    ) -> None:
        """Writes what ``hat.save`` does: weights are packed where they are opened."""
        from hat.models.saved import write_model

        write_model(small, folder, weights="safetensors")

    def open(self, folder: Path, *, device: str = "cpu") -> "StepRunnable":
        """See ``hat.engines.base.Engine``."""
        from hat.models.saved import read_model

        return self.load(read_model(folder), device=device)


def torch_signature(name: str, version: str, settings: TorchSettings) -> dict[str, Any]:
    """What decides a latency in torch."""
    parts: dict[str, Any] = {
        "engine": name,
        "version": version,
        "precision": settings.precision,
        "threads": threads_of(settings),
    }
    if settings.precision == "int8":
        parts["int8-range"] = settings.in_int8()
    return parts


def set_threads(settings: EngineSettings) -> None:
    """Sets the threads, of which torch has one number for the whole process."""
    import torch

    if settings.threads is not None:
        torch.set_num_threads(settings.threads)


def check_device(device: str) -> None:
    """Checks that torch knows a device by this name, and has one.

    Raises:
        ConfigError: if not.
    """
    import torch

    if device == "cpu":
        return
    try:
        torch.empty(0, device=device)
    except (RuntimeError, TypeError, AssertionError) as error:  # one or another, as the build is
        raise ConfigError(f"device {device!r}: torch has none: {reason(error)}") from None


def check_int8_device(device: str) -> None:
    """Checks that int8 runs on the CPU.

    Raises:
        ConfigError: if not.
    """
    if device != "cpu":
        raise ConfigError("precision int8 is for the CPU: choose fp16 or bf16 on a GPU")
