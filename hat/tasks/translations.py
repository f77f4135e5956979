"""Translations and their references: from a log of ``generate.py`` or from two files, scored."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from hat.errors import ConfigError, DataError
from hat.numerals import number_of
from hat.settings import LANGUAGE, OneOf, Settings
from hat.tasks.units import join_units
from hat.text.generation_log import read_generation_logs
from hat.text.lines import Changes, read_text
from hat.text.moses import detokenise
from hat.text.scores import METRICS, TranslationScore, score_translations
from hat.text.zero_bleu import NEXT_TO_NOTHING, explain_zero


@dataclass(frozen=True, kw_only=True)
class ScoreSettings(Settings):
    """What is scored, and how.

    A log holds tokens, which ``sacre`` detokenises; files are scored as they stand.
    """

    logs: tuple[Path, ...] = ()
    """output of generate.py or fairseq-generate; several logs are shards of one corpus"""

    sys: Path | None = None
    """translations, one per line"""

    ref: Path | None = None
    """references, one per line, in place of those in the log"""

    metric: Annotated[str, OneOf(METRICS)] = "normal"
    """normal: tokenised BLEU with split compounds; sacre: sacreBLEU"""

    remove_bpe: str | None = None
    """join BPE units first"""

    target_lang: Annotated[str, LANGUAGE] = "en"
    """language of the translations"""

    detokenised: bool = False
    """logs hold text, not tokens, once units are joined, as those of SentencePiece do"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.logs and self.sys:
            raise ConfigError("give logs of generate.py or --sys, not both")
        if self.sys and not self.ref:
            raise ConfigError("--sys needs --ref with the references")
        if self.sys and self.detokenised:
            raise ConfigError("--detokenised is for logs: files are scored as they stand")
        if not self.sys and not self.logs:
            raise ConfigError("nothing to score: give a log of generate.py, or --sys and --ref")

    @property
    def sources(self) -> str:
        """The files of the translations, to name in errors."""
        return ", ".join(map(str, self.logs or [self.sys]))


def score_files(settings: ScoreSettings) -> tuple[TranslationScore, Changes, str | None]:
    """Scores translations.

    Returns:
        The scores, what was not plain in the text of the files, and, if BLEU is next to nothing,
        the likely reason in a sentence.

    Raises:
        ConfigError: if translations and references are the same file.
        DataError: if a file cannot be read or there are not as many references as translations.
    """
    own, reference = settings.sys, settings.ref
    if own and reference and own.is_file() and reference.is_file() and own.samefile(reference):
        raise ConfigError(f"--sys and --ref name the same file, {own}: expected two")
    changes = Changes()
    hypotheses, references = _read(settings, changes)
    if not hypotheses:
        raise DataError(f"{settings.sources}: holds no translations")
    if len(hypotheses) != len(references):
        raise DataError(
            f"{settings.sources}: {number_of(len(hypotheses), 'translation')}, "
            f"but {number_of(len(references), 'reference')}"
        )
    score = score_translations(hypotheses, references, metric=settings.metric)
    why = explain_zero(hypotheses, references) if score.bleu < NEXT_TO_NOTHING else None
    return score, changes, why


def _read(settings: ScoreSettings, changes: Changes) -> tuple[list[str], list[str]]:
    """Returns translations and references in the form that the metric wants."""
    reference = settings.ref
    if settings.sys is not None:
        assert reference is not None, "the settings say so"
        sides = (read_text(settings.sys, changes), read_text(reference, changes))
        hypotheses, references = (_without_bpe(side, settings) for side in sides)
        return hypotheses, references
    log = read_generation_logs(settings.logs)
    if reference is None and not log.references:
        raise DataError(f"{settings.sources}: no references in the log; give them with --ref")
    hypotheses = _plain_words(log.hypotheses, settings)
    if reference is not None:
        return hypotheses, read_text(reference, changes)
    return hypotheses, _plain_words(log.references, settings)


def _without_bpe(lines: Sequence[str], settings: ScoreSettings) -> list[str]:
    marking = settings.remove_bpe
    return [join_units(line, marking) for line in lines] if marking else list(lines)


def _plain_words(lines: Sequence[str], settings: ScoreSettings) -> list[str]:
    lines = _without_bpe(lines, settings)
    if settings.metric != "sacre" or settings.detokenised:
        return lines
    return detokenise(lines, settings.target_lang)
