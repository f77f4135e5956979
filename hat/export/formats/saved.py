"""The folder of ``hat.save``, its weights in a file of safetensors' kind or of torch's."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from hat.settings import NoSettings

if TYPE_CHECKING:
    from hat.engines.base import Runnable
    from hat.models.super_transformer import SuperTransformer


class SafetensorsFormat:
    """``config.json`` and ``model.safetensors``."""

    Settings: ClassVar[type] = NoSettings
    is_exact: ClassVar[bool] = True
    takes_shortlist: ClassVar[bool] = True
    about: ClassVar[str] = "weights as safetensors; `hat.load` gives the network in Python"
    weights: ClassVar[str] = "safetensors"

    @classmethod
    def build(cls, settings: NoSettings) -> "SafetensorsFormat":
        """Makes the part."""
        return cls()

    def signature(self) -> dict[str, Any]:
        """Nothing can be set."""
        return {}

    def write(
        self,
        small: "SuperTransformer",
        notes: Mapping[str, Any],
        folder: Path,
        words: tuple[Sequence[str], Sequence[str]],
    ) -> None:
        """See ``hat.export.formats``."""
        from hat.models.saved import write_model

        write_model(small, folder, weights=self.weights)

    @staticmethod
    def open(folder: Path, device: str) -> "Runnable":
        """See ``hat.export.formats``."""
        from hat.engines.torch_engine import TorchEngine, TorchSettings

        return TorchEngine(TorchSettings()).open(folder, device=device)


class TorchFormat(SafetensorsFormat):
    """``config.json`` and ``model.pt``."""

    about: ClassVar[str] = "weights as torch's zip; `hat.load` gives the network in Python"
    weights: ClassVar[str] = "torch"
