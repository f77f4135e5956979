"""Multi30k (Elliott et al., 2016): English and German captions of the same photographs.

The files are those of the dataset's repository, multi30k/dataset, folder data/task1/raw: 29,000
pairs to train, 1,014 to validate, 1,000 (test_2016_flickr) to test.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

from hat.errors import DataError
from hat.settings import AtLeast, AtMost
from hat.tasks.corpus import Corpus, Parallel, read_sides
from hat.tasks.prepare import Say, TextSettings, corpus_digest, prepare_corpus
from hat.text.lines import Changes
from hat.text.moses import normalise_and_tokenise

_LANGUAGES = ("en", "de")

RAW_NAMES = {"train": "train", "valid": "val", "test": "test_2016_flickr"}
"""The file of each split, without language and ``.gz``."""


def read_raw(
    folder: Path,
    languages: tuple[str, str] = _LANGUAGES,
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


@dataclass(frozen=True, kw_only=True)
class Multi30kSettings(TextSettings):
    """Of the task ``multi30k``."""

    raw_dir: Path
    """folder of the raw files"""

    merges: Annotated[int, AtLeast(1), AtMost(1_000_000)] = 8000
    """BPE merges to learn"""


class Multi30k:
    """The task ``multi30k``."""

    Settings: ClassVar = Multi30kSettings
    about: ClassVar = "English-German captions"

    def __init__(self, settings: Multi30kSettings, raw: Corpus, changes: Changes) -> None:
        self._settings = settings
        self._raw = raw
        self._changes = changes

    @classmethod
    def build(cls, settings: Multi30kSettings) -> "Multi30k":
        """Reads the raw files.

        Raises:
            DataError: if one is missing or two sides differ in their number of lines.
        """
        changes = Changes()
        return cls(settings, read_raw(settings.raw_dir, changes=changes), changes)

    def prepare(self, say: Say = print) -> dict[str, Any]:
        """Writes the text; returns its figures, ready for JSON."""
        say(str(self._changes))
        figures = prepare_corpus(
            self._raw,
            _LANGUAGES,
            self._settings.text_dir,
            tokenise=normalise_and_tokenise,
            num_merges=self._settings.merges,
        )
        return {**figures, "text": self._changes.to_json()}

    def signature(self) -> dict[str, Any]:
        """What decides the text."""
        corpus = corpus_digest(self._raw)
        return {"task": "multi30k.en-de", "corpus": corpus, "bpe": self._settings.merges}
