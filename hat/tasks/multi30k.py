"""Multi30k (Elliott et al., 2016): English and German captions of the same photographs.

The files are those of the dataset's repository, multi30k/dataset, folder data/task1/raw: 29,000
pairs to train, 1,014 to validate, 1,000 (test_2016_flickr) to test.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from hat.errors import DataError
from hat.settings import AtLeast
from hat.tasks.base import Task, TaskSettings, corpus_digest
from hat.tasks.corpus import Parallel, read_sides
from hat.text.lines import Changes

RAW_NAMES = {"train": "train", "valid": "val", "test": "test_2016_flickr"}
"""The file of each split, without language and ``.gz``."""


@dataclass(frozen=True, kw_only=True)
class Multi30kSettings(TaskSettings):
    """Where the dataset's files lie."""

    raw_dir: Path
    """folder of the raw files"""

    merges: Annotated[int, AtLeast(1)] = 8000


class Multi30k(Task):
    """English to German."""

    Settings: ClassVar[type[TaskSettings]] = Multi30kSettings
    about = "English-German captions"

    @classmethod
    def build(cls, settings: Multi30kSettings) -> Self:
        """Reads the files."""
        languages, changes = ("en", "de"), Changes()
        task = cls(settings, languages, read_raw(settings.raw_dir, languages, changes))
        task.changes = changes
        return task

    def signature(self) -> dict[str, Any]:
        """Returns a digest of the captions, and the merges."""
        return {
            "task": f"multi30k.{'-'.join(self.languages)}",
            "corpus": corpus_digest(self.corpus),
            "bpe": self.settings.merges,
        }


def read_raw(
    folder: Path,
    languages: tuple[str, str] = ("en", "de"),
    changes: Changes | None = None,
) -> dict[str, Parallel]:
    """Reads ``{train,val,test_2016_flickr}.{en,de}``, gzipped or not, under the rule for lines.

    Raises:
        DataError: if a file is missing or two sides differ in their number of lines.
    """
    return {
        split: read_sides(
            folder / name,
            languages,
            [_side(folder, f"{name}.{side}") for side in languages],
            changes,
        )
        for split, name in RAW_NAMES.items()
    }


def _side(folder: Path, name: str) -> Path:
    for path in (folder / f"{name}.gz", folder / name):
        if path.is_file():
            return path
    raise DataError(f"{folder}: neither {name}.gz nor {name} is there")
