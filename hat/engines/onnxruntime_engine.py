"""ONNX Runtime on the CPU: two graphs that run wherever onnxruntime and numpy are."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from hat.engines.base import EngineSettings, check_cpu, check_installed
from hat.engines.facts import read_facts, write_facts
from hat.errors import CheckpointError, ConfigError

if TYPE_CHECKING:
    from hat.arch.config import SubTransformerConfig
    from hat.engines.steps import StepRunnable
    from hat.models.config import SuperTransformerConfig
    from hat.models.super_transformer import SuperTransformer

LEVELS = {"full": 127, "reduced": 63}
"""The largest 8-bit weight. Processors without VNNI add two products of an unsigned and a signed
8-bit number in 16 bits: 2 * 255 * 63 fits."""


@dataclass(frozen=True, kw_only=True)
class OnnxruntimeSettings(EngineSettings):
    """How ONNX Runtime runs a network."""

    precision: Literal["fp32", "int8"] = "fp32"
    """Number format of weights and products. int8: weights of 8 bits, and inputs of products that
    are rounded to 8 bits as they come."""

    int8_range: Literal["full", "reduced"] | None = None
    """For int8, how many values weights take; full is right on processors with VNNI only.
    Default: reduced, which is right on all"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.int8_range is not None and self.precision != "int8":
            raise ConfigError(f"int8-range is for precision int8, not {self.precision}")


class OnnxruntimeEngine:
    """An encoder and a step of the decoder in ONNX, run by ONNX Runtime."""

    Settings: ClassVar[type[EngineSettings]] = OnnxruntimeSettings
    name: ClassVar[str] = "onnxruntime"
    about: ClassVar[str] = "ONNX graphs of the encoder and of a step of the decoder"
    script: ClassVar[Path | None] = Path(__file__).with_name("onnx_files.py")

    def __init__(self, settings: OnnxruntimeSettings) -> None:
        self.settings = settings

    @classmethod
    def build(cls, settings: OnnxruntimeSettings) -> "OnnxruntimeEngine":
        """Makes the part."""
        return cls(settings)

    @property
    def _range(self) -> str | None:
        if self.settings.precision != "int8":
            return None
        return self.settings.int8_range or "reduced"

    def signature(self) -> dict[str, Any]:
        """See ``hat.engines.base.Engine``."""
        from importlib.metadata import version

        check_installed("onnxruntime", self.name, "engines")
        parts: dict[str, Any] = {
            "engine": self.name,
            "version": version("onnxruntime"),
            "precision": self.settings.precision,
            "threads": self.settings.threads,
        }
        if self._range is not None:
            parts["int8-range"] = self._range
        return parts

    def check(self, config: "SuperTransformerConfig", arch: "SubTransformerConfig") -> None:
        """See ``hat.engines.base.Engine``. Every network can be represented."""
        for package in ("onnx", "onnxruntime"):
            check_installed(package, self.name, "engines")

    def load(self, small: "SuperTransformer", *, device: str = "cpu") -> "StepRunnable":
        """See ``hat.engines.base.Engine``."""
        check_cpu(device, self.name)
        with TemporaryDirectory(prefix="hat-onnx-") as folder:
            self.write(small, Path(folder))
            return self.open(Path(folder))

    def write(
        self,
        small: "SuperTransformer",
        folder: Path,
        *,
        words: tuple[Sequence[str], Sequence[str]] | None = None,
    ) -> None:
        """See ``hat.engines.base.Engine``."""
        self.check(small.config, small.arch)
        from hat.engines.onnx_graph import write_graphs
        from hat.engines.plain_weights import plain_network

        levels = None if self._range is None else LEVELS[self._range]
        write_graphs(plain_network(small), folder, levels)
        heads = list(small.arch.decoder.self_heads)
        more = {"qkv": small.config.qkv_dim, "decoder-heads": heads}
        write_facts(folder, small.config, self.signature(), **more)

    def open(self, folder: Path, *, device: str = "cpu") -> "StepRunnable":
        """See ``hat.engines.base.Engine``."""
        check_cpu(device, self.name)
        check_installed("onnxruntime", self.name, "engines")
        from hat.engines.onnx_files import OnnxNetwork
        from hat.engines.onnx_runner import OnnxRunnable

        facts = read_facts(folder, self.settings.precision)
        if facts.get("int8-range") == "full":
            check_full_range(folder)
        try:
            network = OnnxNetwork(folder, self.settings.threads)
        except Exception as error:  # of onnxruntime's own kinds, which all derive from it
            reason = " ".join(str(error).split())
            raise CheckpointError(f"{folder}: onnxruntime cannot read it: {reason}") from None
        return OnnxRunnable(network)


def check_full_range(folder: Path) -> None:
    """Checks that 8-bit weights of the full range are right on this processor.

    Raises:
        ConfigError: if products would overflow.
    """
    from hat.machine.instructions import FULL, int8_range

    if int8_range() != FULL:
        raise ConfigError(
            f"{folder}: its 8-bit weights are of the full range, but products with them overflow "
            "on this processor, which lacks VNNI instructions: write it with int8-range reduced"
        )
