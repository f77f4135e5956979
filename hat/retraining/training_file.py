"""The file that candidates are trained by: read before a search, so that no mistake is found after.

It is what ``train.py --sub-configs`` takes, and names the data.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hat.cli.options import read_yaml
from hat.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class TrainingFile:
    """A training without an architecture."""

    path: Path
    data: tuple[Path, ...]
    """Folders of binarised data."""

    validates: bool
    """Whether it ends with a validation loss."""

    args: argparse.Namespace
    """fairseq's options."""

    flag: str

    def with_options(self, options: dict[str, Any]) -> argparse.Namespace:
        """Fairseq's options where some are others than in the file.

        Raises:
            ConfigError: if one is wrong.
        """
        from hat.fairseq_plugin.arguments import parse_call

        return parse_call(self.flag, options, configs=self.path)


def read_training_file(path: Path | None, flag: str, needed_by: str) -> TrainingFile:
    """Reads and checks the file.

    Args:
        path: of the file.
        flag: that names it, such as ``--retrain-configs``.
        needed_by: the flag that asks for trainings.

    Raises:
        ConfigError: if the file is missing or wrong, or names no data.
    """
    if path is None:
        raise ConfigError(f"{needed_by} needs a training: {flag} is missing")
    entries = read_yaml(path)
    if "data" not in entries:
        raise ConfigError(f"{path}: names no data folder (data: ...)")
    from hat.fairseq_plugin.arguments import parse_call

    off = "disable-validation" in entries and entries["disable-validation"].switch()
    return TrainingFile(
        path=path,
        data=tuple(Path(folder) for folder in entries["data"].text().split(":")),
        validates=not off,
        args=parse_call(flag, {}, configs=path),
        flag=flag,
    )
