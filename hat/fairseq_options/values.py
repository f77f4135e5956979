"""What fairseq lets pass until it fails: values out of their range, and texts that it changes.

fairseq hands every text to OmegaConf, which takes ``${...}`` for a reference: to another option, or
to a variable of the environment, which a stranger's file could so write into a name or a log.
"""

import argparse
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hat.cli.refusals import expected
from hat.errors import ConfigError
from hat.fairseq_options.bounds import BOUNDS, LARGEST, check_together
from hat.reading import open_file
from hat.yaml_reader import Entry, Items, Scalar, shown

_NUMBER = re.compile(r"[^\s()\[\],]+")

_NOT_EMPTY = (
    *("source-lang", "target-lang", "train-subset", "valid-subset", "gen-subset", "save-dir"),
    *("restore-file", "finetune-from-model", "continue-once"),
)

_FILES = ("encoder-embed-path", "decoder-embed-path", "ema-seed-model")

_MEETING = re.compile("(env|tcp|file)://.*")
"""Where processes of one training meet, in torch's terms."""

_MARKS = ("@@ ", "@@", "subword_nmt", "sentencepiece", "wordpiece", "letter", "_EOW", "none")
"""By which fairseq joins units; ``--remove-bpe`` is its ``post-process``."""

_LOG_LINE = re.compile(rb"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8} \| ")

_CHANGED = re.compile(r"\$\{|\\(?=\\*('|$))|^\?\?\?$")
r"""A reference, a backslash before a quote or the end, and OmegaConf's word for a missing value."""


def check_texts(entries: Mapping[str, Entry], flags: Iterable[str]) -> None:
    """Refuses texts that fairseq would not take as they are written.

    Raises:
        ConfigError: naming the file and line, or the flag.
    """
    for key, entry in entries.items():
        nodes = entry.node.nodes if isinstance(entry.node, Items) else (entry.node,)
        for node in nodes:
            if isinstance(node, Scalar):
                _check_text(node.text, f"{node.where}: {key}")
    flag = "the command line"
    for word in flags:
        name, equals, value = word.partition("=")
        is_flag = name.startswith("--")
        _check_text(value if is_flag and equals else word, name if is_flag else flag)
        flag = name if is_flag else flag


def _check_text(text: str, place: str) -> None:
    found = _CHANGED.search(text)
    if found:
        raise ConfigError(
            f"{place}: {shown(text)} holds {shown(found[0])} in a place where fairseq would read "
            "something else"
        )


def check_values(
    args: argparse.Namespace, entries: Mapping[str, Entry], flags: Sequence[str]
) -> None:
    """Checks the values of all options, whether a file or a flag gave them.

    Raises:
        ConfigError: naming the option, with file and line if a file gave it.
    """

    def place(key: str) -> str:
        from_file = key in entries and f"--{key}" not in {word.split("=")[0] for word in flags}
        return f"{entries[key].where}: {key}" if from_file else key

    values = {dest.replace("_", "-"): value for dest, value in vars(args).items()}
    for key, value in values.items():
        for number in _numbers(value, is_text=key in BOUNDS):
            if not math.isfinite(number):
                raise ConfigError(f"{place(key)} must be a finite number, but found {number}")
            for bound in BOUNDS.get(key, ()):
                if not bound.accepts(number):
                    raise ConfigError(f"{place(key)} must be {bound}, but found {number:.10g}")
            if abs(number) > LARGEST and "seed" not in key:
                raise ConfigError(
                    f"{place(key)} must be at most {LARGEST}, but found {number:.10g}"
                )
    for key in _NOT_EMPTY:
        if values.get(key) == "":
            raise ConfigError(f"{place(key)} needs a value, but found ''")
    for key in _FILES:
        if values.get(key) and not Path(values[key]).is_file():
            raise ConfigError(f"{place(key)}: there is no file {values[key]}")
    mark = values.get("post-process")
    if mark is not None and mark not in _MARKS:
        raise ConfigError(f"{place('remove-bpe')} cannot be {shown(mark)}{expected(mark, _MARKS)}")
    log = values.get("log-file")
    if log and Path(log).exists() and not _takes_lines(Path(log)):
        raise ConfigError(
            f"{place('log-file')}: {log} is there already and is no log of a training: name another"
        )
    meeting = values.get("distributed-init-method")
    if meeting is not None and not _MEETING.fullmatch(meeting):
        raise ConfigError(
            f"{place('distributed-init-method')} must begin with env://, tcp:// or file://, but "
            f"found {shown(meeting)}"
        )
    if "/" in (values.get("checkpoint-suffix") or ""):
        raise ConfigError(f"{place('checkpoint-suffix')} is part of a file's name, not of a path")
    check_together(values, place)


def _takes_lines(path: Path) -> bool:
    """Whether a training may add its lines to what is there: a log, an empty file or a device."""
    if not path.is_file():
        return path.is_char_device()  # a pipe would be waited for
    with open_file(path) as stream:
        head = stream.read(len("2024-01-31 12:00:00 | "))
    return not head or _LOG_LINE.fullmatch(head) is not None


def _numbers(value: Any, *, is_text: bool) -> list[float]:
    """The numbers of an option; those in a text only if it stands for numbers."""
    if isinstance(value, str):  # fairseq evaluates it later; only numbers have come through
        return [float(word) for word in _NUMBER.findall(value)] if is_text else []
    listed = value if isinstance(value, list | tuple) else [value]
    return [_as_float(each) for each in listed if type(each) in (int, float)]


def _as_float(number: float) -> float:
    try:
        return float(number)
    except OverflowError:  # a whole number beyond all
        return math.copysign(1e300, number)
