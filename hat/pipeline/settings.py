"""The settings of a pipeline: a YAML file, what is given instead, and the hardware in file names.

The stages' files may differ between kinds of hardware. Their names then hold ``{hardware}``, the
name of the hardware (``gpu_titanxp``), or ``{hardware-name}``, which leaves out the kind
(``titanxp``), as HAT names the files of its searches.
"""

import argparse
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from os.path import relpath
from pathlib import Path
from typing import Annotated, Any, Literal

from hat.cli.flags import add_flags
from hat.cli.options import check_keys, read_config_files, read_yaml, set_defaults
from hat.errors import ConfigError
from hat.pipeline.blocks import Block, of_budgets, read_blocks
from hat.settings import (
    LANGUAGE,
    AtLeast,
    AtMost,
    Between,
    Settings,
    Shown,
    from_values,
    own_settings,
)
from hat.yaml_reader import Entry, Scalar

_HOLDS_HARDWARE = "{hardware"


@dataclass(frozen=True, kw_only=True)
class PipelineSettings(Settings):
    """Paths hold from ``base``. A stage may have several files, of which a later one wins."""

    task: str
    """name of the task, for the report"""

    run_dir: Annotated[Path, Shown("DIR")]
    """folder for everything that is made, but the data"""

    base: Annotated[Path | None, Shown("DIR")] = None
    """folder that all paths hold from, itself from that of this file (default: the working
    directory)"""

    data: Annotated[Path | None, Shown("DIR")] = None
    """folder of the binarised data (default: data in the files of supertransformer)"""

    hardware: Annotated[str | None, Shown("NAME")] = None
    """the name that stands for {hardware} in the stages' files"""

    device: Literal["cpu", "gpu"] | None = None
    """what measures and translates (default: gpu if the hardware's name begins so, else cpu)"""

    launcher: Literal["torchrun"] | None = None
    """starts trainings in several processes; see docs/distributed.md"""

    processes: Annotated[int, AtLeast(1), AtMost(4096)] = 1
    """how many the launcher starts on this machine: one for each GPU"""

    launcher_arguments: Annotated[tuple[str, ...], Shown("WORD")] = ()
    """further words for the launcher"""

    preprocess: Annotated[tuple[str, ...], Shown("FILE")]
    """bash script that makes the data, or YAML files of hat prepare corpus"""

    preprocess_arguments: Annotated[tuple[str, ...], Shown("WORD")] = ()
    """words behind the script's name"""

    bpe_codes: Annotated[Path | None, Shown("FILE")] = None
    """BPE merges that a script of preprocess leaves, for export"""

    supertransformer: Annotated[tuple[str, ...], Shown("YML")]
    """space and training of the SuperTransformer"""

    latency_dataset: Annotated[tuple[str, ...], Shown("YML")]
    """measuring of the latency dataset"""

    latency_predictor: Annotated[tuple[str, ...], Shown("YML")]
    """fitting of the latency predictor"""

    evo_search: Annotated[tuple[str, ...], Shown("YML")]
    """search"""

    subtransformer: Annotated[tuple[str, ...], Shown("YML")]
    """training of one SubTransformer"""

    budgets: Annotated[tuple[str, ...], Shown("LIMIT")] = ()
    """latency limits, each with a search of its own: 5 (ms), or 60% of the largest one's"""

    retrain_largest: bool = False
    """train the largest SubTransformer by itself, too"""

    retrain_init: Literal["scratch", "supernet"] = "scratch"
    """what the winner's own training, and the largest one's, begins with: new weights, or those
    that it inherits from the SuperTransformer"""

    retrain_seeds: Annotated[int, AtLeast(1), AtMost(1000)] = 1
    """train by itself so often, with the seed of subtransformer's files and those after it"""

    average_checkpoints: Annotated[int | None, AtLeast(1)] = None
    """average the last N checkpoints of each such training: those of updates where it saves them
    (save-interval-updates), else of epochs (default: the best one is scored)"""

    subset: Literal["valid", "test"] = "test"
    """what is translated"""

    beam: Annotated[int, AtLeast(1), AtMost(10_000)] = 5
    """hypotheses per sentence"""

    lenpen: Annotated[float, Between(-100, 100)] = 1.0
    """length penalty of beam search"""

    metric: Literal["normal", "sacre"] = "normal"
    """normal: compound-split BLEU of the tokenised text; sacre: sacreBLEU of the detokenised one"""

    target_lang: Annotated[str | None, LANGUAGE, Shown("LANG")] = None
    """language of the translations (default: target-lang in the file of subtransformer)"""

    reference: Annotated[str | None, Shown("FILE")] = None
    """raw text of {subset}: sacre's references, where the file is there"""

    export: Annotated[Path | None, Shown("DIR")] = None
    """folder for the retrained winner with all that it needs to translate (default: none is
    written), or for one folder of each, where there are several; needs bpe-codes where preprocess
    is a script"""

    export_formats: Annotated[tuple[str, ...], Shown("FORMAT")] = ()
    """formats of hat export (default: what a target's engine opens, else safetensors)"""

    export_int8: bool = False
    """weights of 8 bits, in the formats that have them"""

    @property
    def on_cpu(self) -> bool:
        """Whether the CPU measures and translates."""
        return (self.device or (self.hardware or "cpu")[:3]) != "gpu"


STAGE_FILES = (
    "supertransformer",
    "latency-dataset",
    "latency-predictor",
    "evo-search",
    "subtransformer",
)
"""The settings whose files may differ between kinds of hardware."""

BLOCKS = ("minutes", "targets", "searches")
"""Keys with ``name: ...`` lines, which only a file has."""

_HARDWARE = re.compile(r"\w[\w.-]*", re.ASCII)


@dataclass(frozen=True)
class PipelineFile:
    """A pipeline's settings, and where they come from."""

    path: Path
    settings: PipelineSettings
    minutes: Mapping[str, Entry]
    """Step -> how long it takes on two CPU cores."""

    targets: tuple[Block, ...]
    """Where and in which engine models will run; their settings win over latency-dataset's."""

    searches: tuple[Block, ...]
    """For each target; their settings win over evo-search's."""

    places: Mapping[str, str]
    """Key -> ``file:line`` or the flag."""

    @property
    def base(self) -> Path:
        """The folder that all paths hold from."""
        base = self.settings.base
        return Path.cwd() if base is None else self.path.absolute().parent / base

    def stage_files(self, key: str) -> tuple[Path, ...]:
        """Returns the files of a stage for the hardware, weakest first.

        Raises:
            ConfigError: if one is not there.
        """
        paths = tuple(Path(self._for_hardware(key, name)) for name in self._named(key))
        for path in paths:
            if not path.is_file():
                where = self._where_it_does(path)
                raise ConfigError(f"{self.places[key]}: {key}: {path} does not exist{where}")
        return paths

    def _where_it_does(self, path: Path) -> str:
        """Names the folder around the pipeline's file that a file's path holds from, if any."""
        folders = self.path.absolute().parents if self.settings.base is None else ()
        found = next((folder for folder in folders if (folder / path).is_file()), None)
        return "" if found is None else f" here; call hat in {relpath(found)}, where it does"

    def entries(self, key: str) -> dict[str, Entry]:
        """Returns what the files of a stage say together.

        Raises:
            ConfigError: if a file is not there or no YAML.
        """
        return read_config_files(map(str, self.stage_files(key)))

    def variant(self, *keys: str) -> str:
        """Returns ``_HARDWARE`` if any of the stages' files depends on it, else nothing.

        What is made from these files has it in its name: with other hardware, it is another.
        """
        depends = any(_HOLDS_HARDWARE in name for key in keys for name in self._named(key))
        return f"_{self.settings.hardware}" if depends else ""

    def averaged(self, count: int, given: Mapping[str, Scalar]) -> Literal["epoch", "update"]:
        """Says of what a training keeps checkpoints that are averaged: of updates if it saves them.

        Args:
            count: of them.
            given: settings of the training that win over those of its files.

        Raises:
            ConfigError: naming the line, or what is given, by which it does not keep ``count``.
        """
        entries = self.entries("subtransformer")
        entries |= {key: Entry(key, value, value.where) for key, value in given.items()}
        place = self.places["average-checkpoints"]
        every, none = entries.get("save-interval-updates"), entries.get("no-epoch-checkpoints")
        what: Literal["epoch", "update"] = "epoch"
        if every is not None and every.number() > 0:
            what = "update"
        elif none is not None and none.switch():
            raise ConfigError(
                f"{place}: average-checkpoints needs the checkpoints of epochs, but {none.where} "
                "says no-epoch-checkpoints: True; or those of updates (save-interval-updates)"
            )
        kept = entries.get("keep-interval-updates" if what == "update" else "keep-last-epochs")
        if kept is not None and 0 <= kept.number() < count:
            raise ConfigError(
                f"{place}: average-checkpoints needs {count} checkpoints, but "
                f"{kept.where} keeps {kept.number():g}"
            )
        last = entries.get("max-update")
        steps = every.number() if every is not None and what == "update" else 0
        if last is not None and every is not None and 0 < last.number() < count * steps:
            raise ConfigError(
                f"{place}: average-checkpoints needs {count} checkpoints, but {every.where} saves "
                f"one every {steps:g} updates, and {last.where} ends after {last.number():g}"
            )
        return what

    def _named(self, key: str) -> tuple[str, ...]:
        names: tuple[str, ...] = getattr(self.settings, key.replace("-", "_"))
        return names

    def _for_hardware(self, key: str, name: str) -> str:
        place, hardware = self.places[key], self.settings.hardware

        def value(found: re.Match[str]) -> str:
            if hardware is None:
                raise ConfigError(f"{place}: {key} holds {found[0]}, but no hardware is given")
            values = {"{hardware}": hardware, "{hardware-name}": hardware.partition("_")[2]}
            if found[0] not in values:
                known = " or ".join(values)
                raise ConfigError(f"{place}: {key} may hold {known}, but found {found[0]}")
            return values[found[0]] or hardware

        return re.sub(r"\{[^{}]*\}", value, name)


def read_pipeline(path: str | Path, given: Mapping[str, Any]) -> PipelineFile:
    """Reads a pipeline file.

    Args:
        path: the YAML file.
        given: settings by field name that are used instead of the file's.

    Raises:
        ConfigError: with file and line, or the flag, of what is wrong.
        TypeError: if something is given that is no setting.
    """
    unknown = given.keys() - {field.name for field in fields(PipelineSettings)}
    if unknown:
        raise TypeError(f"a pipeline has no settings {', '.join(sorted(unknown))}")
    entries = read_yaml(path)
    settings = own_settings(PipelineSettings)
    check_keys(entries, [*BLOCKS, *(setting.key for setting in settings)])
    minutes, targets, searches = (entries.pop(key, None) for key in BLOCKS)
    minutes_of_steps = minutes.block() if minutes else {}
    reader = argparse.ArgumentParser(add_help=False)
    add_flags(reader, PipelineSettings)
    set_defaults(reader, entries)
    values = {**vars(reader.parse_args([])), **given}
    if values["base"] is not None:
        # What is given, not read, holds from where it is given.
        values |= {key: _absolute(value) for key, value in given.items() if key in _PATHS}
    places = {setting.key: f"--{setting.key}" for setting in settings if setting.field in given}
    places = {**{key: entry.where for key, entry in entries.items()}, **places}
    for setting in settings:
        value = values[setting.field]
        if value is None and setting.is_required:
            raise ConfigError(f"{path}: {setting.key} is missing")
        if value is not None and setting.key in places:
            if setting.is_list:
                value = (value,) if isinstance(value, str | Path) else tuple(value)
                value = values[setting.field] = tuple(map(str, value))
            setting.check(value, places[setting.key])
            # In a command line, it would be an option.
            texts = value if setting.is_list else (value,)
            is_name = setting.type in (str, Path) and not setting.key.endswith("-arguments")
            for text in texts if is_name else ():
                if str(text).startswith("-"):
                    place = places[setting.key]
                    raise ConfigError(f"{place}: {setting.key} cannot begin with a dash: {text!r}")
    one: PipelineSettings = from_values(PipelineSettings, values)
    if one.budgets and searches is not None:
        raise ConfigError(
            f"{places['budgets']}: give budgets or searches, not both ({searches.where})"
        )
    file = PipelineFile(
        path=Path(path),
        settings=one,
        minutes=minutes_of_steps,
        targets=read_blocks(targets, "latency-dataset"),
        searches=of_budgets(one.budgets, places["budgets"])
        if one.budgets
        else read_blocks(searches, "search"),
        places=places,
    )
    _check_hardware(file)
    _check_export(file)
    _check_launcher(file)
    _check_folders(file)
    return file


def _check_folders(file: PipelineFile) -> None:
    for key, named in (("run-dir", file.settings.run_dir), ("data", file.settings.data)):
        path = None if named is None else file.base / named
        if path is None or not path.exists():
            continue
        place = f"{file.places[key]}: {key}: {named}"
        if not path.is_dir():
            kind = "a file" if path.is_file() else "a device or a pipe"
            raise ConfigError(f"{place} is {kind}, but a folder is wanted")
        if path.resolve() == path.resolve().parent:
            raise ConfigError(f"{place} holds the whole file system: name a folder of its own")


_PATHS = (
    *("run_dir", "data", "preprocess", "bpe_codes", "reference", "export"),
    *(key.replace("-", "_") for key in STAGE_FILES),
)
"""The settings that are paths, by field."""


def _absolute(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return tuple(map(_absolute, value))
    return None if value is None else str(Path(value).absolute())


def _check_launcher(file: PipelineFile) -> None:
    one = file.settings
    if one.launcher is None and (one.processes > 1 or one.launcher_arguments):
        key = "processes" if one.processes > 1 else "launcher-arguments"
        raise ConfigError(f"{file.places[key]}: {key} needs a launcher: torchrun")


def _check_export(file: PipelineFile) -> None:
    one = file.settings
    if one.export is None and (one.export_formats or one.export_int8):
        key = "export-formats" if one.export_formats else "export-int8"
        raise ConfigError(f"{file.places[key]}: {key} needs export: the folder to write")
    twice = next((name for name in one.export_formats if one.export_formats.count(name) > 1), None)
    if twice is not None:
        place = file.places["export-formats"]
        raise ConfigError(f"{place}: export-formats names {twice!r} twice")


def _check_hardware(file: PipelineFile) -> None:
    hardware, place = file.settings.hardware, file.places.get("hardware")
    if hardware is None:
        return
    if not _HARDWARE.fullmatch(hardware):
        raise ConfigError(f"{place}: hardware must be a name, but found {hardware!r}")
    if place == "--hardware" and not file.variant(*STAGE_FILES):
        raise ConfigError(f"{file.path}: holds no {{hardware}}, so there is nothing to choose")
