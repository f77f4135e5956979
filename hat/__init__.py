"""hat: hardware-aware Transformer architecture search.

What the commands do is a function here, with the same settings. The public names are imported when
they are first used, so that ``import hat`` costs nothing and the parts that need no torch work
without it.
"""

import importlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import hat.search
from hat.machine.shape_caches import keep_small
from hat.machine.threads import set_default
from hat.version import __version__

if TYPE_CHECKING:
    from hat.arch.config import DecoderConfig, EncoderConfig, SubTransformerConfig
    from hat.arch.hat_yaml import load_arch, load_space, write_arch
    from hat.arch.space import SearchSpace
    from hat.engines import ENGINES
    from hat.errors import HatError
    from hat.export.trained import TaskSettings
    from hat.export.translator import Translator
    from hat.fairseq_plugin.training import train
    from hat.latency.fit import FitSettings, fit_predictor
    from hat.latency.predictors import PREDICTORS
    from hat.latency.predictors.load import load_predictor
    from hat.latency.workload import Workload
    from hat.measuring.dataset import measure_dataset
    from hat.measuring.devices import DEVICES
    from hat.measuring.settings import DatasetSettings
    from hat.measuring.subtransformer import measure_subtransformer
    from hat.models.checkpoint import load_checkpoint
    from hat.models.config import SuperTransformerConfig
    from hat.models.extract import extract
    from hat.models.profile import profile
    from hat.models.saved import load, save
    from hat.models.super_transformer import SuperTransformer
    from hat.nas.limits import LIMITS
    from hat.nas.limits.latency import LatencySettings
    from hat.nas.rescoring import RescoreSettings
    from hat.nas.run import SearchOutcome
    from hat.nas.scorers import SCORERS
    from hat.nas.settings import FinishSettings, SearchSettings
    from hat.nas.supernet import Supernet, load_supernet
    from hat.page.write import PageSettings, write_page
    from hat.pipeline.run import Pipeline
    from hat.retraining.finalists import RetrainSettings
    from hat.retraining.halving import HalvingSettings
    from hat.search.algorithms import ALGORITHMS
    from hat.search.algorithms.generation import GenerationSettings
    from hat.settings import Settings

    search: "_Search"
    from hat.translation.beam import BeamSettings
    from hat.translation.sentences import TranslationSettings

# Every command and every ``import hat`` comes by here.
keep_small()
set_default()

_HOME = {
    # architectures and networks
    "BeamSettings": "hat.translation.beam",
    "DecoderConfig": "hat.arch.config",
    "EncoderConfig": "hat.arch.config",
    "HatError": "hat.errors",
    "SearchSpace": "hat.arch.space",
    "SubTransformerConfig": "hat.arch.config",
    "SuperTransformer": "hat.models.super_transformer",
    "SuperTransformerConfig": "hat.models.config",
    "Workload": "hat.latency.workload",
    "TaskSettings": "hat.export.trained",
    "TranslationSettings": "hat.translation.sentences",
    "Translator": "hat.export.translator",
    "extract": "hat.models.extract",
    "load": "hat.models.saved",
    "load_arch": "hat.arch.hat_yaml",
    "load_checkpoint": "hat.models.checkpoint",
    "load_space": "hat.arch.hat_yaml",
    "profile": "hat.models.profile",
    "save": "hat.models.saved",
    "write_arch": "hat.arch.hat_yaml",
    # what the commands do, in the order of a search; ``hat.search`` is below
    "train": "hat.fairseq_plugin.training",
    "measure_dataset": "hat.measuring.dataset",
    "measure_subtransformer": "hat.measuring.subtransformer",
    "fit_predictor": "hat.latency.fit",
    "load_predictor": "hat.latency.predictors.load",
    "load_supernet": "hat.nas.supernet",
    "Pipeline": "hat.pipeline.run",
    "write_page": "hat.page.write",
    # their settings
    "DatasetSettings": "hat.measuring.settings",
    "FinishSettings": "hat.nas.settings",
    "FitSettings": "hat.latency.fit",
    "GenerationSettings": "hat.search.algorithms.generation",
    "LatencySettings": "hat.nas.limits.latency",
    "PageSettings": "hat.page.write",
    "RetrainSettings": "hat.retraining.finalists",
    "HalvingSettings": "hat.retraining.halving",
    "RescoreSettings": "hat.nas.rescoring",
    "SearchSettings": "hat.nas.settings",
    # the tables of named parts: hat.SCORERS.load("bleu").Settings
    "ALGORITHMS": "hat.search.algorithms",
    "DEVICES": "hat.measuring.devices",
    "ENGINES": "hat.engines",
    "LIMITS": "hat.nas.limits",
    "PREDICTORS": "hat.latency.predictors",
    "SCORERS": "hat.nas.scorers",
}
"""The module of each public name."""

__all__ = [
    "ALGORITHMS",
    "DEVICES",
    "ENGINES",
    "LIMITS",
    "PREDICTORS",
    "SCORERS",
    "BeamSettings",
    "DatasetSettings",
    "DecoderConfig",
    "EncoderConfig",
    "FinishSettings",
    "FitSettings",
    "GenerationSettings",
    "HalvingSettings",
    "HatError",
    "LatencySettings",
    "PageSettings",
    "Pipeline",
    "RescoreSettings",
    "RetrainSettings",
    "SearchSettings",
    "SearchSpace",
    "SubTransformerConfig",
    "SuperTransformer",
    "SuperTransformerConfig",
    "TaskSettings",
    "TranslationSettings",
    "Translator",
    "Workload",
    "__version__",
    "extract",
    "fit_predictor",
    "load",
    "load_arch",
    "load_checkpoint",
    "load_predictor",
    "load_space",
    "load_supernet",
    "measure_dataset",
    "measure_subtransformer",
    "profile",
    "save",
    "search",
    "train",
    "write_arch",
    "write_page",
]


class _Search(ModuleType):
    """The package ``hat.search``, which can be called, too: ``hat.search(...)`` searches.

    A function of that name would be lost as soon as a module of the package is imported.
    """

    def __call__(
        self,
        supernet: "Supernet",
        *settings: "Settings",
        write_config_path: str | Path,
        search_dir: str | Path | None = None,
        set_aside: bool = False,
        say: Callable[[str], None] = print,
    ) -> "SearchOutcome | None":
        """Searches the space of a supernet under limits: see ``hat.nas.run.search``."""
        from hat.nas.run import search as run

        return run(
            supernet,
            *settings,
            write_config_path=write_config_path,
            search_dir=search_dir,
            set_aside=set_aside,
            say=say,
        )


hat.search.__class__ = _Search


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'hat' has no attribute {name!r}")
    try:
        value = getattr(importlib.import_module(_HOME[name]), name)
    except ModuleNotFoundError as error:
        from hat.cli.extras import missing_package
        from hat.errors import ConfigError

        if (sentence := missing_package(error)) is None:
            raise
        raise ConfigError(f"hat.{name}: {sentence}") from None
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
