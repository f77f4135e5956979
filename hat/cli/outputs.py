"""What a command writes lies apart from what it reads: a slip costs no dataset and no weights."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hat.cli.options import split_config_flags
from hat.errors import ConfigError

_FACTS = ".meta.jsonl"
"""Behind the name of a latency dataset: what was noted while it was measured."""


def check_apart(options: argparse.Namespace, *outputs: str, argv: Sequence[str] = ()) -> None:
    """Checks that no file that a command is to write is one that its options name to be read.

    Args:
        options: what was parsed.
        outputs: names among them of files to be written.
        argv: the command line, whose YAML files are not among the options.

    Raises:
        ConfigError: naming both options.
    """
    values = vars(options)
    read = [(name, path) for name in values if name not in outputs for path in _files(values[name])]
    read += [("configs", Path(path)) for path in split_config_flags(argv)[0]]
    read += [(name, path.with_name(f"{path.name}{_FACTS}")) for name, path in read]
    for output in outputs:
        for written in _files(values.get(output)):
            for name, path in read:
                if path.is_file() and path.samefile(written):
                    raise ConfigError(
                        f"{output.replace('_', '-')} would write over {written}, which is read "
                        f"({name.replace('_', '-')}): name another file"
                    )


def _files(value: Any) -> Iterator[Path]:
    """The files that an option's value names and that are there."""
    for each in value if isinstance(value, list | tuple) else [value]:
        if isinstance(each, str | Path) and str(each):
            path = Path(each)
            try:
                if path.is_file():
                    yield path
            except (OSError, ValueError):  # a text that cannot be a name
                continue
