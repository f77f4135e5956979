"""From a path to a translator: an exported folder, or a checkpoint with what it lacks."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from hat.engines.torch_engine import TorchEngine, TorchSettings
from hat.errors import CheckpointError, ConfigError, DataError
from hat.export.folder import Opened, open_export
from hat.export.trained import TaskSettings, read_trained
from hat.settings import check_kinds
from hat.translation.sentences import SentenceTranslator, Translation, TranslationSettings
from hat.translation.text import Text

if TYPE_CHECKING:
    from torch import Tensor

    from hat.translation.beam import Hypothesis

Search = Callable[["Tensor"], "list[list[Hypothesis]]"]
"""Translates a batch: see ``hat.engines.base.Runnable.search``."""


class Translator:
    """Translates lines of text.

    Args:
        path: a folder that ``hat export`` wrote, or a checkpoint, ours or HAT's.
        sub_yml: the SubTransformer of a checkpoint; None: the one that it was trained as.
        settings: how to search; the defaults are fairseq's.
        task: where a checkpoint's dictionaries, BPE codes and rules for text are.
        device: ``cpu`` or ``cuda``.

    Raises:
        HatError: if something is missing, damaged or of another task.
    """

    def __init__(
        self,
        path: str | Path,
        sub_yml: str | Path | None = None,
        *,
        settings: TranslationSettings | None = None,
        task: TaskSettings | None = None,
        device: str = "cpu",
    ) -> None:
        given = [each for each in (settings, task) if each is not None]
        check_kinds(given, (TranslationSettings, TaskSettings), "hat.Translator")
        settings = TranslationSettings() if settings is None else settings
        path = Path(path)
        if path.is_dir():
            if sub_yml is not None or task is not None:
                raise ConfigError(
                    f"{path}: an exported folder has all that it needs; a SubTransformer, --data, "
                    "--bpe-codes and rules for text go with a checkpoint"
                )
            opened = open_export(path, device=device, pretokenised=settings.pretokenised)
        else:
            sub = None if sub_yml is None else Path(sub_yml)
            opened = _opened(path, sub, task or TaskSettings(), settings, device)
        self._translate = SentenceTranslator(
            _told_of(path, _search(opened, settings)),
            opened.text,
            settings,
            max_source=opened.max_source,
            device=device,
        )

    def translate(self, lines: Iterable[str]) -> list[str]:
        """Returns the best translation of each line; that of an empty line is empty.

        Raises:
            DataError: if a line is no text, or longer than the model takes.
        """
        return [found[0].text if found else "" for found in self.nbest(lines)]

    def nbest(
        self, lines: Iterable[str], *, name: str = "line", first: int = 1
    ) -> list[list[Translation]]:
        """Returns the n best translations of each line with their scores, best first.

        Args:
            lines: of text; an empty one has no translation.
            name: what a line is called in messages, before its number.
            first: the number of the first line.

        Raises:
            DataError: if a line is no text, or longer than the model takes.
            CheckpointError: if the model gives no numbers.
        """
        if isinstance(lines, str):
            raise ConfigError("expected a list of lines, but found one text: put it into a list")
        lines = list(lines)
        for number, line in enumerate(lines, start=first):
            if not isinstance(line, str):
                raise DataError(f"{name} {number}: expected a text, but found {line!r:.60}")
            if not line.isascii() and (half := _HALF.search(line)):
                raise DataError(
                    f"{name} {number}: holds half a character (surrogate), {half.group()!r}, "
                    "which no text in UTF-8 does"
                )
        return self._translate(lines, name=name, first=first)


_HALF = re.compile("[\ud800-\udfff]")


def _search(opened: Opened, settings: TranslationSettings) -> Search:
    if opened.shortlist is None:  # a runnable of another package need not take one
        return opened.model.search(settings.search)
    return opened.model.search(settings.search, shortlist=opened.shortlist)


def _told_of(path: Path, search: Search) -> Search:
    """Says of the model what its search says of its output."""

    def told(src_tokens: "Tensor") -> "list[list[Hypothesis]]":
        try:
            return search(src_tokens)
        except DataError as error:
            raise CheckpointError(f"{path}: {error}") from None

    return told


def _opened(
    checkpoint: Path,
    sub_yml: Path | None,
    task: TaskSettings,
    settings: TranslationSettings,
    device: str,
) -> Opened:
    needs_rules = not settings.pretokenised
    trained = read_trained(checkpoint, sub_yml, task, needs_rules=needs_rules)
    text = Text(
        trained.languages,
        trained.words,
        rules=trained.rules,
        codes=trained.codes,
        pretokenised=settings.pretokenised,
    )
    model = TorchEngine(TorchSettings()).load(trained.model, device=device)
    return Opened(model, text, trained.model.config.max_source_positions)
