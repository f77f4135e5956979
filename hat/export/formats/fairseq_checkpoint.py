"""A checkpoint of fairseq's that holds the small model only; fairseq-generate runs it."""

from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from hat.settings import NoSettings

if TYPE_CHECKING:
    from hat.engines.base import Runnable
    from hat.models.super_transformer import SuperTransformer

_FILE = "model.pt"


class FairseqFormat:
    """One checkpoint, ``model.pt``."""

    Settings: ClassVar[type] = NoSettings
    is_exact: ClassVar[bool] = True
    takes_shortlist: ClassVar[bool] = True
    about: ClassVar[str] = (
        "a checkpoint of fairseq's: `fairseq-generate DATA_BIN --path model.pt --user-dir "
        "hat/fairseq_plugin` runs it, and so does `generate.py`"
    )

    @classmethod
    def build(cls, settings: NoSettings) -> "FairseqFormat":
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
        import torch

        from hat.files import writing

        content = {
            "args": Namespace(**checkpoint_options_of(small, notes)),
            "model": small.state_dict(),  # shared weights have two names and stand there once
            "optimizer_history": [{"best_loss": None, "num_updates": 0}],
            "extra_state": {"epoch": 1, "train_iterator": {"epoch": 1}, "val_loss": None},
        }
        with writing(folder / _FILE) as stream:
            torch.save(content, stream)

    @staticmethod
    def open(folder: Path, device: str) -> "Runnable":
        """See ``hat.export.formats``."""
        from hat.engines.torch_engine import TorchEngine, TorchSettings
        from hat.models.checkpoint import load_checkpoint

        engine = TorchEngine(TorchSettings())
        return engine.load(load_checkpoint(folder / _FILE), device=device)


def checkpoint_options_of(small: "SuperTransformer", notes: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the options of a checkpoint that holds ``small``: no paths, no training."""
    from hat.arch.hat_yaml import arch_to_mapping
    from hat.models.checkpoint import EXTRACTED
    from hat.models.config import options_of_super_config

    arch = arch_to_mapping(small.arch)
    return {
        "arch": "transformersuper",
        "task": "hat_translation",
        "criterion": "label_smoothed_cross_entropy",
        EXTRACTED: True,
        **options_of_super_config(small.config),
        **{key.replace("-", "_"): value for key, value in arch.items()},
        **notes,
    }
