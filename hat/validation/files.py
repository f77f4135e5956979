"""Checks YAML files of any kind without running what they are for; all that is wrong at once.

What a file is for shows in its keys. Every key must be an option of the command that reads such
files, and every value must fit it; then the settings that a file holds must fit each other, and so
must its search space or SubTransformer. A pipeline's file is checked with all files that it names.

Options are known from ``hat.cli.described``, so no fairseq is needed. What only a run can tell
(whether a checkpoint fits, whether data are there) is left to it.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import chdir
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hat.arch.hat_yaml import ARCH_KEYS, arch_from_entries, space_from_entries
from hat.cli.described import Option, commands, refused
from hat.cli.flags import add_flags
from hat.cli.help import Parser
from hat.cli.options import (
    actions_by_key,
    check_keys,
    read_config_files,
    read_yaml,
    set_defaults,
)
from hat.cli.training_keys import TRAINING_KEYS
from hat.errors import ConfigError
from hat.latency.fit import FitSettings
from hat.latency.predictors import PREDICTORS
from hat.measuring.settings import DatasetSettings, WorkloadSettings
from hat.nas.build import settings_classes
from hat.pipeline.layout import YAML_ENDS
from hat.pipeline.settings import BLOCKS, STAGE_FILES, PipelineSettings, read_pipeline
from hat.settings import Setting, all_keys, all_settings, from_values
from hat.tasks import TASKS
from hat.yaml_reader import Entry

PIPELINE = "pipeline"

_COMMANDS = {
    "supertransformer": "train",
    "subtransformer": "train",
    "latency-dataset": "latency-dataset",
    "latency-predictor": "latency-predictor",
    "evo-search": "search",
    "preprocess": "prepare",
}
"""What a pipeline calls a file -> the command that reads it."""

_ABOUT = {
    PIPELINE: "a pipeline",
    "train": "a training",
    "supertransformer": "a SuperTransformer",
    "subtransformer": "a SubTransformer",
    "latency-dataset": "a latency dataset",
    "latency-predictor": "a latency predictor",
    "search": "a search",
    "prepare": "making a text",
}

_SHARED = frozenset(
    {"seed", "data", "arch", "ckpt-path", "configs", "lr", "feature-norm", "lat-norm"}
)
"""Keys that more than one kind of file holds: they do not tell what a file is for."""


@dataclass(frozen=True)
class Checked:
    """What a file is for, and what is wrong with it."""

    path: str
    kind: str
    """The command that reads it."""

    keys: int
    errors: tuple[str, ...]
    network: str = ""
    """Which network it describes, where it is more than the settings of a training."""

    def __str__(self) -> str:
        keys = "1 key" if self.keys == 1 else f"{self.keys} keys"
        return f"{self.path}: {_ABOUT[self.network or self.kind]}, {keys}, nothing wrong"


def validate(paths: Iterable[str | Path]) -> list[Checked]:
    """Checks files, and those that pipelines among them name, each once.

    Args:
        paths: YAML files.

    Returns:
        What was found, in order.
    """
    found: dict[str, Checked] = {}
    for path in paths:
        _validate(str(path), None, found)
    return list(found.values())


def _validate(path: str, command: str | None, found: dict[str, Checked]) -> None:
    if path in found and (command is None or found[path].kind != PIPELINE):
        return  # a pipeline is no stage's file, not even its own
    try:
        entries = read_yaml(path)
    except ConfigError as error:
        found[path] = Checked(path, command or "train", 0, (str(error),))
        return
    if command is None and not entries:  # a file of a stage may leave all as it is
        nothing = f"{path}: holds nothing: expected 'key: value' lines"
        found[path] = Checked(path, "train", 0, (nothing,))
        return
    kind = command or kind_of(entries)
    if kind == PIPELINE:
        errors, named = _pipeline_errors(path, entries)
        found[path] = Checked(path, kind, len(entries), tuple(errors))
        for stage, files in named.items():
            _validate_together(files, _COMMANDS[stage], found)
        return
    errors = _errors(entries, kind) or _joint_errors(path, entries, kind)
    found[path] = _checked(path, kind, entries, errors)


def _validate_together(paths: Sequence[str], command: str, found: dict[str, Checked]) -> None:
    """Checks the files of one stage, which may part a description between them."""
    if len(paths) == 1:
        _validate(paths[0], command, found)
        return
    for path in paths:
        if path not in found:
            try:
                entries = read_yaml(path)
            except ConfigError as error:
                found[path] = Checked(path, command, 0, (str(error),))
                continue
            errors = _errors(entries, command)
            found[path] = _checked(path, command, entries, errors)
    if not any(found[path].errors for path in paths):
        errors = _joint_errors(" + ".join(paths), read_config_files(paths), command)
        last = found[paths[-1]]
        found[paths[-1]] = replace(last, errors=(*last.errors, *errors))


def _checked(path: str, kind: str, entries: Mapping[str, Entry], errors: Sequence[str]) -> Checked:
    network = ""
    if kind == "train" and any(key.endswith("-choice") for key in entries):
        network = "supertransformer"
    elif kind == "train" and not entries.keys().isdisjoint(ARCH_KEYS):
        network = "subtransformer"
    return Checked(path, kind, len(entries), tuple(errors), network)


def kind_of(entries: Mapping[str, Entry]) -> str:
    """Returns which command a file is for: the one with most keys of its own among these."""
    pipeline = {*BLOCKS, *all_keys(PipelineSettings)}
    own: dict[str, frozenset[str]] = {
        PIPELINE: frozenset({"run-dir", "preprocess", *STAGE_FILES}),
        "search": all_keys(*settings_classes()),
        "latency-dataset": all_keys(DatasetSettings, WorkloadSettings),
        "latency-predictor": all_keys(FitSettings, *PREDICTORS.settings()) | {"dataset-path"},
        "prepare": all_keys(*TASKS.settings()),
    }
    counts = {
        kind: len(entries.keys() & keys - _SHARED - (TRAINING_KEYS if kind != PIPELINE else set()))
        for kind, keys in own.items()
    }
    # A dataset's file may name the search's network, but not the other way round.
    best = max(counts, key=lambda kind: counts[kind])
    if best == PIPELINE and counts[best] < 2 and not entries.keys() <= pipeline:
        return "train"
    return best if counts[best] else "train"


def _option_table(command: str) -> dict[str, Option]:
    own = commands()[command].options
    table = {
        flag.removeprefix("--"): option
        for option in own
        for flag in (option.flags or (f"--{option.name}",))
        if flag.startswith("--")
    }
    for cls in _classes(command):  # parts of other packages are described nowhere
        table |= {key: one for key, one in _options_of(cls).items() if key not in table}
    if "lr" in table:
        table["max-lr"] = replace(table["lr"], flags=("--max-lr",))  # HAT's name of the peak
    return table


def _options_of(cls: type) -> dict[str, Option]:
    parser = Parser(add_help=False)
    add_flags(parser, cls)
    types: dict[Any, str] = {int: "int", float: "float"}
    return {
        key: Option(
            flags=(f"--{key}",),
            kind="switch" if action.nargs == 0 else "",
            type=types.get(action.type, ""),
            nargs=None if action.nargs == 0 else action.nargs,
        )
        for key, action in actions_by_key(parser).items()
    }


def _errors(entries: Mapping[str, Entry], command: str) -> list[str]:
    """What is wrong with each key for itself."""
    table = _option_table(command)
    settings = _settings(command)
    others = frozenset() if command == "train" else TRAINING_KEYS
    training = _option_table("train") if others else {}
    errors = []
    for key, entry in entries.items():
        try:
            if key in refused():
                raise ConfigError(f"{entry.where}: {key!r} is not taken: {refused()[key]}")
            option = table.get(key) or training.get(key)
            if option is None:
                check_keys({key: entry}, [*table, *others])
                continue  # training knows it, but shows it to nobody
            value = _value(entry, option, settings.get(key))
            for number in _numbers(value, option):
                for bound in option.bounds:
                    if not bound.accepts(number):
                        raise ConfigError(
                            f"{entry.where}: {key} must be {bound}, but found {number:g}"
                        )
            if key in settings:
                settings[key].check(_of_setting(value, settings[key], key), entry.where)
        except ConfigError as error:
            errors.append(str(error))
    return errors


def _settings(command: str) -> dict[str, Setting]:
    return {
        key: setting
        for cls in _classes(command)
        for setting in all_settings(cls)
        for key in setting.keys
    }


def _classes(command: str) -> tuple[type, ...]:
    if command == "search":
        return settings_classes()
    if command == "latency-dataset":
        return (WorkloadSettings, DatasetSettings)
    if command == "latency-predictor":
        return (FitSettings, *PREDICTORS.settings())
    if command == "prepare":
        return tuple(TASKS.settings())
    return ()


def _value(entry: Entry, option: Option, setting: Setting | None) -> Any:
    """What the file says, as the command would read it."""
    if setting is not None:  # what may be chosen may have grown since the description was written
        option = replace(option, choices=setting.choices)
    parser = Parser(add_help=False)
    action = option.add_to(parser)
    set_defaults(parser, {entry.key: replace(entry, key=entry.key)} if option.flags else {})
    return parser.get_default(action.dest)


def _numbers(value: Any, option: Option) -> Sequence[float]:
    if option.type == "numbers":
        words = str(value).strip("()[] ").split(",")
        return [float(word) for word in words if word.strip()]
    values = value if isinstance(value, list | tuple) else [value]
    return [n for n in values if isinstance(n, int | float) and not isinstance(n, bool)]


def _of_setting(value: Any, setting: Setting, key: str) -> Any:
    """The value of the settings' field."""
    for switch in setting.switches:
        if switch.key == key:
            return switch.value
    if setting.is_joined:
        return tuple(setting.type(word) for word in str(value).split(","))
    if setting.is_list:
        return tuple(value) if isinstance(value, list | tuple) else (value,)
    return value


def _joint_errors(path: str, entries: Mapping[str, Entry], command: str) -> list[str]:
    """What is wrong with keys that are right for themselves: they do not fit each other."""
    errors = []
    table, settings = _option_table(command), _settings(command)
    values: dict[str, Any] = {}
    for key, entry in entries.items():
        if key in settings:
            value = _value(entry, table[key], settings[key])
            switched = settings[key].switches and value is not True
            if not switched:
                values[settings[key].field] = _of_setting(value, settings[key], key)
    if "latency_constraint" in values:  # the command line or a pipeline names the predictors
        limits = values["latency_constraint"]
        values.setdefault("ckpt_path", tuple(Path(f"{place}.pt") for place in range(len(limits))))
    for cls in _classes(command):
        lacking = [one for one in all_settings(cls) if one.is_required and one.field not in values]
        if lacking:
            continue  # the command line gives it
        try:
            from_values(cls, values)
        except ConfigError as error:
            errors.append(f"{path}: {error}")
    if command in ("train", "latency-dataset"):
        errors += _network_errors(path, entries)
    return list(dict.fromkeys(errors))


def _network_errors(path: str, entries: Mapping[str, Entry]) -> list[str]:
    errors = []
    if any(key.endswith("-choice") for key in entries):
        try:
            space_from_entries(entries, path)
        except ConfigError as error:
            errors.append(str(error))
    if not entries.keys().isdisjoint(ARCH_KEYS):
        try:
            arch_from_entries(entries, path)
        except ConfigError as error:
            errors.append(str(error))
    return errors


def _pipeline_errors(
    path: str, entries: Mapping[str, Entry]
) -> tuple[list[str], dict[str, tuple[str, ...]]]:
    """What is wrong with a pipeline's file, and the files of its stages."""
    table = _option_table(PIPELINE)
    settings = {setting.key: setting for setting in all_settings(PipelineSettings)}
    errors = []
    for key, entry in entries.items():
        try:
            check_keys({key: entry}, [*BLOCKS, *settings])
            if key in settings and key in table:
                value = _value(entry, table[key], settings[key])
                settings[key].check(_of_setting(value, settings[key], key), entry.where)
        except ConfigError as error:
            errors.append(str(error))
    if errors:
        return errors, {}
    named: dict[str, tuple[str, ...]] = {}
    try:
        file = read_pipeline(path, {})
    except ConfigError as error:
        return [str(error)], {}
    for block in (*file.targets, *file.searches):
        errors += _errors(block.entries, block.command)
    from_here = Path() if file.settings.base is None else Path(os.path.relpath(file.base))
    if not file.base.is_dir():
        place = file.places["base"]
        return [*errors, f"{place}: base: {file.settings.base} is no folder"], {}
    text = ("preprocess",) if file.settings.preprocess else ()
    for stage in (*STAGE_FILES, *text):
        try:
            with chdir(file.base):
                files = file.stage_files(stage)
        except ConfigError as error:
            errors.append(str(error))
        else:
            if stage not in text or all(path.suffix in YAML_ENDS for path in files):
                named[stage] = tuple(str(from_here / each) for each in files)
    return errors, named
