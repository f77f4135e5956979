"""hat: hardware-aware Transformer architecture search.

The public functions are imported when they are first used, so that ``import hat`` costs nothing
and the parts that need no torch work without it.
"""

import importlib
from typing import TYPE_CHECKING, Any

from hat.machine.shape_caches import keep_small
from hat.machine.threads import set_default
from hat.version import __version__

if TYPE_CHECKING:
    from hat.arch.config import DecoderConfig, EncoderConfig, SubTransformerConfig
    from hat.arch.hat_yaml import load_arch, write_arch
    from hat.arch.space import SearchSpace
    from hat.errors import HatError
    from hat.export.trained import TaskSettings
    from hat.export.translator import Translator
    from hat.models.checkpoint import load_checkpoint
    from hat.models.config import SuperTransformerConfig
    from hat.models.extract import extract
    from hat.models.saved import load, save
    from hat.models.super_transformer import SuperTransformer
    from hat.translation.beam import BeamSettings
    from hat.translation.sentences import TranslationSettings

# Every command and every ``import hat`` comes by here.
keep_small()
set_default()

_HOME = {
    "BeamSettings": "hat.translation.beam",
    "DecoderConfig": "hat.arch.config",
    "EncoderConfig": "hat.arch.config",
    "HatError": "hat.errors",
    "SearchSpace": "hat.arch.space",
    "SubTransformerConfig": "hat.arch.config",
    "SuperTransformer": "hat.models.super_transformer",
    "SuperTransformerConfig": "hat.models.config",
    "TaskSettings": "hat.export.trained",
    "TranslationSettings": "hat.translation.sentences",
    "Translator": "hat.export.translator",
    "extract": "hat.models.extract",
    "load": "hat.models.saved",
    "load_arch": "hat.arch.hat_yaml",
    "load_checkpoint": "hat.models.checkpoint",
    "save": "hat.models.saved",
    "write_arch": "hat.arch.hat_yaml",
}
"""The module of each public name."""

__all__ = [
    "BeamSettings",
    "DecoderConfig",
    "EncoderConfig",
    "HatError",
    "SearchSpace",
    "SubTransformerConfig",
    "SuperTransformer",
    "SuperTransformerConfig",
    "TaskSettings",
    "TranslationSettings",
    "Translator",
    "__version__",
    "extract",
    "load",
    "load_arch",
    "load_checkpoint",
    "save",
    "write_arch",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'hat' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
