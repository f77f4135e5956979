"""The files of an engine other than torch: ONNX graphs, or a model folder of CTranslate2's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from hat.engines import ENGINES
from hat.settings import Needs, Settings

if TYPE_CHECKING:
    from hat.engines.base import Engine, Runnable
    from hat.models.super_transformer import SuperTransformer


@dataclass(frozen=True, kw_only=True)
class Int8Settings(Settings):
    """Whether weights are rounded."""

    int8: bool = False
    """Weights of 8 bits, and products of 8-bit numbers (formats onnx and ctranslate2)."""

    int8_range: Annotated[Literal["full", "reduced"] | None, Needs("int8")] = None
    """With --int8, how many values weights take: full is finer, but right on processors with VNNI
    instructions only. Default: reduced, which is right on all."""


class EngineFormat:
    """What an engine writes and opens."""

    Settings: ClassVar[type[Int8Settings]] = Int8Settings
    engine: ClassVar[str]
    what: ClassVar[str]
    """What is written, in words."""

    def __init__(self, settings: Int8Settings) -> None:
        self.settings = settings

    @classmethod
    def build(cls, settings: Int8Settings) -> "EngineFormat":
        """Makes the part, which is to write: a package that is missing is missing now."""
        part: Any = ENGINES.load(cls.engine)
        part.check_packages()
        return cls(settings)

    @property
    def about(self) -> str:
        """What it is, for the model card."""
        if self.is_exact:
            return self.what
        return f"{self.what}; weights of 8 bits, {self.settings.int8_range or 'reduced'} range"

    @property
    def is_exact(self) -> bool:
        """Whether weights are kept as they are."""
        return not self.settings.int8

    def signature(self) -> dict[str, Any]:
        """The engine that wrote it and how; by how many threads it is run is not its business."""
        found = self._chosen().signature()
        return {key: value for key, value in found.items() if key != "threads"}

    def write(
        self,
        small: "SuperTransformer",
        notes: Mapping[str, Any],
        folder: Path,
        words: tuple[Sequence[str], Sequence[str]],
    ) -> None:
        """See ``hat.export.formats``."""
        self._chosen().write(small, folder, words=words)

    @classmethod
    def open(cls, folder: Path, device: str) -> "Runnable":
        """See ``hat.export.formats``."""
        from hat.engines.facts import read_facts

        precision = read_facts(folder)["precision"]
        return cls._engine(precision=precision).open(folder, device=device)

    @classmethod
    def checked_digests(cls, folder: Path) -> Mapping[str, Any]:
        """See ``hat.export.formats``."""
        from hat.engines.facts import read_facts

        digests: Mapping[str, Any] = read_facts(folder)["digests"]
        return digests

    def _chosen(self) -> "Engine":
        precision = "int8" if self.settings.int8 else "fp32"
        return self._engine(precision=precision, int8_range=self.settings.int8_range)

    @classmethod
    def _engine(cls, **values: Any) -> "Engine":
        part: Any = ENGINES.load(cls.engine)
        engine: Engine = part.build(part.Settings(**values))
        return engine


class OnnxFormat(EngineFormat):
    """``encoder.onnx``, ``decoder.onnx`` and ``weights.bin``, and ``network.json`` about them."""

    engine: ClassVar[str] = "onnxruntime"
    what: ClassVar[str] = (
        "ONNX graphs of the encoder and of one step of the decoder with its caches, for ONNX "
        "Runtime on the CPU"
    )


class Ctranslate2Format(EngineFormat):
    """``model.bin``, ``config.json`` and vocabularies, and ``network.json`` about them."""

    engine: ClassVar[str] = "ctranslate2"
    takes_shortlist: ClassVar[bool] = True
    what: ClassVar[str] = (
        "a model folder of CTranslate2's, with its own beam search, for the CPU: "
        "`ctranslate2.Translator` opens it, too"
    )
