"""In which formats a pipeline writes its winners: as asked for, or as their target runs them."""

from dataclasses import dataclass

from hat.errors import ConfigError
from hat.pipeline.candidate import Target
from hat.pipeline.layout import Layout

_ROUNDED = ("onnx", "ctranslate2")
"""Formats that may have weights of 8 bits."""

_OF_ENGINE = {"onnxruntime": "onnx", "ctranslate2": "ctranslate2"}
"""Engine -> what it opens; all others open what is written unless something else is asked for."""


@dataclass(frozen=True)
class ExportFormat:
    """A kind of folder."""

    name: str
    """Empty: what ``hat export`` writes unless it is told."""

    is_int8: bool = False

    @property
    def flags(self) -> tuple[str, ...]:
        """For ``hat export``."""
        return (
            *(("--format", self.name) if self.name else ()),
            *(("--int8",) if self.is_int8 else ()),
        )


def export_formats(plan: Layout, target: Target) -> tuple[ExportFormat, ...]:
    """Returns the formats in which the winners of a target are written.

    Where none are asked for, it is what the engine of a named target opens: what was measured is
    what ships.

    Raises:
        ConfigError: if 8 bits are asked for and no format has them.
    """
    asked, int8 = plan.settings.export_formats, plan.settings.export_int8
    if asked:
        if int8 and not {*asked} & {*_ROUNDED}:
            raise ConfigError(
                f"{plan.file.places['export-int8']}: export-int8 is for the formats "
                f"{' and '.join(_ROUNDED)}, but export-formats names neither"
            )
        return tuple(ExportFormat(name, int8 and name in _ROUNDED) for name in asked)
    name, precision = "", None
    if target.block.name:
        entries = {**plan.file.entries("latency-dataset"), **target.block.entries}
        engine = entries["lat-engine"].text() if "lat-engine" in entries else ""
        name = _OF_ENGINE.get(engine, "")
        precision = entries["lat-precision"].text() if "lat-precision" in entries else None
    if int8 and not name:
        raise ConfigError(
            f"{plan.file.places['export-int8']}: export-int8 needs export-formats with "
            f"{' or '.join(_ROUNDED)}"
        )
    return (ExportFormat(name, bool(name) and (int8 or precision == "int8")),)
