"""Gathers the whole interface: commands, options, YAML files, scripts, pipelines, Python names."""

import argparse
import functools
import json
from itertools import takewhile
from pathlib import Path
from typing import Any

from hat.cli.help import sentence
from hat.cli.main import COMMANDS
from tests.golden import capture, scripts
from tests.golden.capture import ROOT, hat
from tests.golden.describe import Description, changed, describe, helps
from tests.golden.described import described, together

FILE = Path(__file__).with_name("interface.json")

DESCRIBED = ROOT / "hat" / "cli" / "options.json"
"""What hat itself reads about its options."""

CHOICES = (
    "--arch=transformersuper_wmt_en_de",
    "--criterion=label_smoothed_cross_entropy",
    "--optimizer=adam",
    "--lr-scheduler=cosine",
)
"""What HAT's YAML files choose, without which fairseq's commands know fewer options. Words, not a
file: a file would put its own values in the place of the options' defaults."""

FAIRSEQ_COMMANDS = {
    "train": ("training", ["data", *CHOICES]),
    "search": ("training", ["data", *CHOICES]),
    "evo-search": ("training", ["data", *CHOICES]),
    "generate": ("generation", ["data"]),
}
"""The kind of fairseq's parser, and the words that it needs to be complete."""

SELECTORS = ("arch", "task", "criterion", "optimizer", "lr_scheduler", "scoring")
"""Options of fairseq whose value decides which further options there are."""


def options_file() -> Description:
    """What stands in ``hat/cli/options.json``: what ``--help-all`` shows."""
    found = {}
    for name, words in capture.commands().items():
        more = FAIRSEQ_COMMANDS[name][1] if name in FAIRSEQ_COMMANDS else []
        parser = capture.help_parser(hat, [*words, *more])
        assert isinstance(parser, argparse.ArgumentParser), name
        found[name] = described(parser)
    return together(found, {name: sentence(about) for name, (_, about) in COMMANDS.items()})


def interface() -> Description:
    """Everything that is pinned, in values that JSON can hold."""
    parsers = {name: _parser(name, words) for name, words in capture.commands().items()}
    commands = {}
    for name, parser in parsers.items():
        foreign = None
        if name in FAIRSEQ_COMMANDS:
            foreign = capture.fairseqs_own(FAIRSEQ_COMMANDS[name][0])
        commands[name] = describe(parser, foreign=foreign)
    texts = {name: helps(parser, commands[name]) for name, parser in parsers.items()}
    return {
        "python": capture.public_names(),
        "commands": _once(commands),
        "root scripts": _root_scripts(commands),
        "yaml": yaml_files(ROOT / "configs"),
        "pipelines": {
            str(path.relative_to(ROOT)): capture.pipeline_steps(str(path.relative_to(ROOT)))
            for path in sorted(ROOT.glob("configs/*/pipeline.yml"))
        },
        "shell scripts": scripts.calls(),
        "help": {"hat": capture.command_line_help().splitlines(), **_once(texts)},
    }


def _once(values: dict[str, Any]) -> dict[str, Any]:
    """Replaces a value that came before by the name that it had there."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        twin = next((other for other, seen in found.items() if seen == value), None)
        found[name] = value if twin is None else f"as of {twin}"
    return found


def _parser(name: str, words: tuple[str, ...], main: capture.Main = hat) -> argparse.ArgumentParser:
    if name in FAIRSEQ_COMMANDS:
        return capture.parsed(main, [*words, *FAIRSEQ_COMMANDS[name][1]]).parser
    parser = capture.help_parser(main, words)
    assert isinstance(parser, argparse.ArgumentParser), name
    return parser


def _root_scripts(commands: Description) -> dict[str, str]:
    """The scripts in the root folder -> the first command with the same options."""
    found = {}
    for path in sorted(ROOT.glob("*.py")):
        if path.name == "setup.py":
            continue
        own = "evo-search" if path.stem == "evo_search" else path.stem.replace("_", "-")
        parser = _parser(own, (), capture.script_main(path))
        kind = FAIRSEQ_COMMANDS.get(own)
        foreign = None if kind is None else capture.fairseqs_own(kind[0])
        same = commands.get(own) == describe(parser, foreign=foreign)
        found[path.name] = f"hat {own}" if same else f"not the options of hat {own}"
    return found


def yaml_files(configs: Path) -> dict[str, dict[str, Description]]:
    """Every YAML file of a folder such as ``configs/``, read by the commands that use it.

    Returns:
        File -> commands -> the options that it sets: those that differ from their default, or
        from what the file says that is read before it.
    """
    found: dict[str, dict[str, Description]] = {}
    for path in sorted(configs.glob("*/*/*.yml")):
        by_command = {}
        for command, (words, base) in _readers(path).items():
            before = set_by_files(tuple(base)) if base else {}
            options = set_by_files(tuple(words))
            by_command[command] = {
                key: value for key, value in options.items() if (key, value) not in before.items()
            }
            gone = dict.fromkeys(before.keys() - options.keys(), "back to its default")
            by_command[command] |= gone
        found[str(path.relative_to(configs))] = _together(by_command)
    return found


@functools.cache  # many files are read after the same one
def set_by_files(words: tuple[str, ...], main: capture.Main = hat) -> Description:
    """The options that are not at their defaults when a command has read the files in ``words``.

    A file's values may become defaults of the parser that reads it, so the defaults are those of
    the same command without its files.
    """
    result = capture.parsed(main, words)
    assert not result.rest, f"{' '.join(words)}: {result.rest} are not known"
    bare = [word for word in words if "configs=" not in word]
    for action in result.parser._actions:
        value = getattr(result.options, action.dest, None)
        if action.dest == "data" and not action.option_strings:
            bare.insert(1, "data")
        elif action.dest in SELECTORS and value is not None:
            bare.append(f"{action.option_strings[0]}={value}")
    return changed(_parser_of(tuple(bare), main), result.options)


@functools.cache
def _parser_of(words: tuple[str, ...], main: capture.Main) -> argparse.ArgumentParser:
    return capture.parsed(main, words).parser


def _together(by_command: dict[str, Description]) -> dict[str, Description]:
    """Lists what is the same for all commands once."""
    first, *others = by_command.values()
    shared = {k: v for k, v in first.items() if all(k in o and o[k] == v for o in others)}
    found = {", ".join(by_command): shared} if others else {}
    for command, options in by_command.items():
        rest = {key: value for key, value in options.items() if not others or key not in shared}
        found |= {command: rest} if rest else {}
    return found


def _readers(path: Path) -> dict[str, tuple[list[str], list[str]]]:
    """The command lines that read a file, as the tasks' scripts and HAT's README have them.

    Returns:
        Command -> (words, the words without this file where another one is read before it).
    """
    task, folder = ROOT / "configs" / path.parents[1].name, path.parent.name
    if folder == "supertransformer":
        return {"train": (["train", f"--configs={path}"], [])}
    if folder in ("latency_dataset", "latency_predictor"):
        command = folder.replace("_", "-")
        return {command: ([command, f"--configs={path}"], [])}
    if folder == "evo_search":
        spaces = sorted(task.glob("supertransformer/*.yml"))
        space = next((p for p in spaces if p.stem.endswith(f"_{path.stem}")), spaces[0])
        words = ["evo-search", f"--configs={space}"]
        return {"evo-search": ([*words, f"--evo-configs={path}"], words)}
    assert folder == "subtransformer", f"{path}: which command reads it?"
    if path.stem.startswith("common"):
        own, common = [f"--sub-configs={path}"], []
    else:
        own = [f"--configs={path}"]
        common = [f"--sub-configs={task / 'subtransformer' / 'common.yml'}"]
    commands = {"train": ["train"], "generate": ["generate", "--path=x.pt"]}
    commands["train --latcpu"] = ["train", "--latcpu"]
    return {
        name: ([*words, *own, *common], [*words, *common] if common else [])
        for name, words in commands.items()
    }


def differences(old: Any, new: Any, place: str = "") -> list[str]:
    """Says in one line each what was added, removed or changed from ``old`` to ``new``."""
    if isinstance(old, dict) and isinstance(new, dict):
        lines = []
        for key in sorted({*old, *new}):
            here = f"{place} > {key}" if place else key
            if key not in new:
                lines.append(f"removed: {here} (was {_short(old[key])})")
            elif key not in old:
                lines.append(f"added:   {here} = {_short(new[key])}")
            else:
                lines += differences(old[key], new[key], here)
        return lines
    if old == new and type(old) is type(new):
        return []
    if isinstance(old, list) and isinstance(new, list):
        gone, come = [v for v in old if v not in new], [v for v in new if v not in old]
        if len(gone) == len(come) == 1:
            return differences(gone[0], come[0], place)
        if len(old) > 3 and (gone or come):
            return [f"changed: {place}: without {_short(gone)}, with {_short(come)}"]
    if isinstance(old, str) and isinstance(new, str):
        alike = takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False))
        start = max(0, len(list(alike)) - 20)  # long texts differ somewhere behind
        old, new = (f"... {text[start:]}" if start else text for text in (old, new))
    return [f"changed: {place}: {_short(old)} -> {_short(new)}"]


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 300 else f"{text[:300]} ..."


def to_text(value: Any, indent: int = 0) -> str:
    """JSON with one option a line: mappings that hold mappings are spread over lines."""
    if isinstance(value, dict) and value:
        inner = any(isinstance(v, dict) and v for v in value.values())
        flat = json.dumps(value, ensure_ascii=False, sort_keys=True)
        if indent > 1 and not inner and len(flat) <= 90:
            return flat
        pad = " " * (indent + 1)
        lines = [
            f"{pad}{json.dumps(key, ensure_ascii=False)}: {to_text(value[key], indent + 1)}"
            for key in sorted(value)
        ]
        return "{\n" + ",\n".join(lines) + "\n" + " " * indent + "}"
    if isinstance(value, list) and value and len(json.dumps(value)) > 90 and not _numbers(value):
        pad = " " * (indent + 1)
        lines = [f"{pad}{to_text(item, indent + 1)}" for item in value]
        return "[\n" + ",\n".join(lines) + "\n" + " " * indent + "]"
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _numbers(value: list[Any]) -> bool:
    return all(isinstance(item, int | float) for item in value)
