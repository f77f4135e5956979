"""The files that a step reads because a setting of it names them, in a file or on its command line.

What such a file holds decides the result as much as the setting does, so the step that reads it
runs again when it changes.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from hat.yaml_reader import Entry

_KEYS = (
    *("scorer-table", "memory-ckpt-path", "prior"),
    *("halve-configs", "retrain-configs", "retrain-ref"),
    *("encoder-embed-path", "decoder-embed-path", "finetune-from-model", "init-from-supernet"),
)
_ON_COMMAND_LINES = (*_KEYS, "restore-file", "ckpt-path", "configs", "sub-configs", "evo-configs")
"""In a file, some of them are what the pipeline itself says, which wins."""


def named_in(entries: Mapping[str, Entry]) -> list[Path]:
    """Returns the files that settings name.

    Args:
        entries: all settings of a step that files give, by key.
    """
    return [Path(entries[key].text()) for key in _KEYS if key in entries]


def named_by(words: Sequence[str]) -> tuple[Path, ...]:
    """Returns the files that flags name, those that are there.

    Args:
        words: flags with their values, behind ``=`` or as words of their own.
    """
    return tuple(path for name in _values(words) if (path := Path(name)).is_file())


def _values(words: Iterable[str]) -> Iterable[str]:
    reads = False
    for word in words:
        if word.startswith("--"):
            flag, equals, value = word.partition("=")
            reads = flag.removeprefix("--") in _ON_COMMAND_LINES
            if reads and equals:
                yield value
        elif reads:
            yield word
