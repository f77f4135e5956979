"""How ``--help`` looks: a short usage, the name that was called, defaults where they are some."""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hat.cli.refusals import OneSentence
from hat.numerals import use_in

SCRIPTS = ("train.py", "latency_dataset.py", "latency_predictor.py", "evo_search.py", "generate.py")
"""HAT's scripts in the root folder."""

_FEW = 8
"""Most options that a usage line lists one by one."""

_NUMBERS: dict[Any, str] = {int: "N", float: "FLOAT"}
"""What stands for a value of an option that has no name of its own for it."""

_ENDS = {"dir": "DIR", "logdir": "DIR", "lang": "LANG", "file": "FILE", "path": "FILE"}
"""The same, by the last word of the option's name."""


def value_name(name: str, otherwise: str = "NAME") -> str:
    """Returns what stands for a text: ``DIR`` for that of ``text-dir``.

    Args:
        name: of the option, with dashes or underscores.
        otherwise: if its last word does not tell.
    """
    return _ENDS.get(name.replace("-", "_").rpartition("_")[2], otherwise)


def program(command: str) -> str:
    """How a command was called: as one of HAT's scripts, or by its name behind ``hat``."""
    script = Path(sys.argv[0]).name
    return script if script in SCRIPTS else f"hat {command}"


def sentence(text: str) -> str:
    """Makes a sentence of a line of help."""
    return f"{text[:1].upper()}{text[1:]}."


class HelpFormatter(argparse.HelpFormatter):
    """Usage without a long list of options, text without marks, defaults that are one.

    A default that is None, False or empty is none, and a help that has the word itself says more
    than the value would. Lines that are indented by four blanks are examples and stay as they are.
    """

    def _format_usage(
        self,
        usage: str | None,
        actions: Iterable[argparse.Action],
        groups: Iterable[Any],
        prefix: str | None,
    ) -> str:
        listed = [a for a in actions if not a.option_strings or a.required]
        if usage is not None or len(list(actions)) - len(listed) <= _FEW:
            return super()._format_usage(usage, actions, groups, prefix)
        return f"{super()._format_usage(None, listed, [], prefix).rstrip()} [OPTIONS]\n\n"

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        fill = super()._fill_text
        paragraphs = text.rstrip().replace("``", "").split("\n\n")
        return "\n\n".join(
            paragraph if paragraph.startswith("    ") else fill(paragraph, width, indent)
            for paragraph in paragraphs
        )

    def _get_help_string(self, action: argparse.Action) -> str:
        text, default = (action.help or "").replace("``", ""), action.default
        values = default if isinstance(default, list | tuple) else [default]
        is_flag = not action.option_strings or action.nargs == 0
        if is_flag or "default" in text or not values or default in (None, "", argparse.SUPPRESS):
            return text
        between = "," if action.nargs is None else " "
        words = (f"{v:g}" if isinstance(v, float) else str(v) for v in values)
        shown = between.join(words).replace("%", "%%")
        return f"{text.removesuffix('.')} (default: {shown})"

    def _get_default_metavar_for_optional(self, action: argparse.Action) -> str:
        if action.type in (None, str, Path):
            return value_name(action.dest, "FILE" if action.type is Path else "NAME")
        return _NUMBERS.get(action.type, "N")  # fairseq's lists of numbers


class Parser(OneSentence):
    """A parser, and those of its sub-commands: help is written so, and an error is a ConfigError.

    Abbreviated flags are refused, so that a new option never changes what an old command means.
    """

    def __init__(self, *args: Any, **settings: Any) -> None:
        ours = {"formatter_class": HelpFormatter, "allow_abbrev": False}
        super().__init__(*args, **{**ours, **settings})
        use_in(self)
