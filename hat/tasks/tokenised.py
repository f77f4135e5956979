"""A corpus that is tokenised already: only its BPE is made."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from hat.settings import AtLeast, AtMost
from hat.tasks.corpus import describe
from hat.tasks.prepare import (
    FolderTask,
    LanguageSettings,
    Say,
    TextSettings,
    corpus_digest,
    split_words,
)


@dataclass(frozen=True, kw_only=True)
class TokenisedSettings(TextSettings, LanguageSettings):
    """Of the task ``bpe``."""

    merges: Annotated[int, AtLeast(1), AtMost(1_000_000)] = 10000
    """BPE merges to learn"""


class Tokenised(FolderTask):
    """The task ``bpe``."""

    Settings: ClassVar = TokenisedSettings
    about: ClassVar = "joint BPE of a tokenised corpus"
    folder: ClassVar = "tok"

    def prepare(self, say: Say = print) -> dict[str, Any]:
        """Writes the ``bpe`` folder; returns its figures, ready for JSON."""
        say(str(self._changes))
        one = self._settings
        units = split_words(self._corpus, one.languages, one.text_dir, num_merges=one.merges)
        return {
            "words": describe(self._corpus),
            "bpe": describe(units),
            "text": self._changes.to_json(),
        }

    def signature(self) -> dict[str, Any]:
        """What decides the text."""
        return {"corpus": corpus_digest(self._corpus), "bpe": self._settings.merges}
