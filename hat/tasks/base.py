"""What a task is: a parallel corpus, made or read, that is written for fairseq-preprocess."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from hat.conditions import mapping_digest
from hat.settings import NO_OUTCOME, AtLeast, Settings
from hat.tasks.corpus import Corpus
from hat.tasks.prepare import prepare_corpus
from hat.text.lines import Changes
from hat.text.moses import normalise_and_tokenise


@dataclass(frozen=True, kw_only=True)
class TaskSettings(Settings):
    """Where a task's text is written, and how finely its words are split."""

    text_dir: Annotated[Path, NO_OUTCOME]
    """folder to write to"""

    merges: Annotated[int, AtLeast(1)] = 10000
    """BPE merges to learn"""


@dataclass(frozen=True, kw_only=True)
class PairSettings(TaskSettings):
    """A task between languages that are chosen."""

    source_lang: str
    """for example en"""

    target_lang: str
    """for example fr"""


class Task(ABC):
    """One corpus. One file, one line in ``TASKS``."""

    Settings: ClassVar[type[TaskSettings]] = TaskSettings
    about: ClassVar[str]
    """What it is, in a few words for ``--help``."""

    changes: Changes | None = None
    """What was not plain in the text that was read; None where none was read."""

    def __init__(self, settings: Any, languages: tuple[str, str], corpus: Corpus) -> None:
        """Args: languages: source and target; corpus: the splits, not tokenised yet."""
        self.settings = settings
        self.languages = languages
        self.corpus = corpus

    @classmethod
    @abstractmethod
    def build(cls, settings: Any) -> Self:
        """Makes or reads the corpus; writes nothing.

        Raises:
            ConfigError: if a setting is wrong.
            DataError: if a file is missing or damaged.
        """

    @abstractmethod
    def signature(self) -> dict[str, Any]:
        """Returns what decides the text that is written."""

    def tokenise(self, lines: tuple[str, ...], language: str) -> list[str]:
        """Splits sentences into words with blanks between them: Moses' rules."""
        return normalise_and_tokenise(lines, language)

    def write(self) -> dict[str, Any]:
        """Writes the folders ``raw``, ``tok`` and ``bpe``.

        Returns:
            Sentences and mean lengths of each split, in ``words`` and in ``bpe`` units.
        """
        return prepare_corpus(
            self.corpus,
            self.languages,
            self.settings.text_dir,
            tokenise=self.tokenise,
            num_merges=self.settings.merges,
        )


def corpus_digest(corpus: Corpus) -> str:
    """Returns the digest of the sentences, however they are stored."""
    return mapping_digest({split: (both.source, both.target) for split, both in corpus.items()})
