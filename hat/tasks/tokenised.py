"""``hat prepare bpe``: a corpus that others tokenised, which only lacks its BPE units."""

from typing import Any, ClassVar, Self

from hat.tasks.base import PairSettings, Task, TaskSettings, corpus_digest
from hat.tasks.corpus import describe, read_corpus
from hat.tasks.prepare import split_words
from hat.text.lines import Changes


class Tokenised(Task):
    """The text of ``TEXT_DIR/tok``; only the folder ``bpe`` is written."""

    Settings: ClassVar[type[TaskSettings]] = PairSettings
    about = "joint BPE of a tokenised corpus"

    @classmethod
    def build(cls, settings: PairSettings) -> Self:
        """Reads the text."""
        languages = (settings.source_lang, settings.target_lang)
        changes = Changes()
        task = cls(settings, languages, read_corpus(settings.text_dir / "tok", languages, changes))
        task.changes = changes
        return task

    def signature(self) -> dict[str, Any]:
        """Returns a digest of the text, and the merges."""
        return {"corpus": corpus_digest(self.corpus), "bpe": self.settings.merges}

    def write(self) -> dict[str, Any]:
        """Writes the folder ``bpe``."""
        settings = self.settings
        units = split_words(
            self.corpus, self.languages, settings.text_dir, num_merges=settings.merges
        )
        return {"words": describe(self.corpus), "bpe": describe(units)}
