"""Reading the log of ``fairseq-generate``: translations and references in corpus order.

The log holds, tab separated and in the order of the batches, ``S-<id> source``,
``T-<id> reference`` and, best first, ``H-<id> score translation``.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from hat.errors import DataError
from hat.numerals import number_of
from hat.text.lines import plain, read_lines

_SENTENCE = re.compile(r"([STH])-([0-9]{1,18})\t(.*)")
_SCORE = re.compile(r"-?([0-9]+(\.[0-9]*)?(e[-+]?[0-9]+)?|inf)|nan")


@dataclass(frozen=True)
class Translations:
    """Translations of the sentences 0, 1, 2, ... of a corpus."""

    hypotheses: tuple[str, ...]
    references: tuple[str, ...]
    """Empty if the log holds no references (the target side was not binarised)."""

    sources: tuple[str, ...] = ()
    """Empty if the log does not hold all of them."""


def read_generation_logs(paths: Iterable[str | Path]) -> Translations:
    """Reads one log, or the logs of several shards of one corpus.

    Of several translations of a sentence (``--nbest``) the first, best one counts.

    Raises:
        DataError: if a file is no such log, or sentences are missing or stand twice:
            fairseq drops sentences without a word if ``--required-batch-size-multiple`` is not 1.
    """
    hypotheses: dict[int, str] = {}
    references: dict[int, str] = {}
    sources: dict[int, str] = {}
    names = [str(path) for path in paths]
    for name in names:
        own_hypotheses, own_references, own_sources = _read_log(name)
        twice = hypotheses.keys() & own_hypotheses.keys()
        if twice:
            raise DataError(f"{name}: sentence {min(twice)} stands in another log too")
        hypotheses.update(own_hypotheses)
        references.update(own_references)
        sources.update(own_sources)
    where = ", ".join(names)
    if not hypotheses:
        raise DataError(f"{where}: no translations (lines such as 'H-0<tab>score<tab>text') found")
    _check_complete(hypotheses, "translations", where)
    if references:
        _check_complete(references, "references", where)
        if len(references) != len(hypotheses):
            raise DataError(
                f"{where}: {number_of(len(hypotheses), 'translation')}, "
                f"but {number_of(len(references), 'reference')}"
            )
    order = range(len(hypotheses))
    return Translations(
        tuple(hypotheses[i] for i in order),
        tuple(references[i] for i in order) if references else (),
        tuple(sources[i] for i in order) if sources.keys() >= hypotheses.keys() else (),
    )


def _read_log(name: str) -> tuple[dict[int, str], dict[int, str], dict[int, str]]:
    """Hypotheses, references and sources by the number of their sentence."""
    hypotheses: dict[int, str] = {}
    references: dict[int, str] = {}
    sources: dict[int, str] = {}
    for number, line in enumerate(read_lines(name), start=1):
        match = _SENTENCE.fullmatch(line)
        if match is None:
            continue
        kind, index, text = match[1], int(match[2]), match[3]
        if kind == "H":
            score, tab, translation = text.partition("\t")
            if not tab:
                raise DataError(f"{name}:{number}: expected 'H-id<tab>score<tab>translation'")
            if not _SCORE.fullmatch(score):
                raise DataError(
                    f"{name}:{number}: the score of a translation must be a number, but found "
                    f"{score!r:.40}"
                )
            hypotheses.setdefault(index, plain(translation))
        elif kind == "T":
            if index in references:
                raise DataError(f"{name}:{number}: a second reference of sentence {index}")
            references[index] = plain(text)
        else:
            sources.setdefault(index, plain(text))
    return hypotheses, references, sources


def _check_complete(sentences: Mapping[int, str], what: str, where: str) -> None:
    # One number may be as large as it likes: what is missing is counted, not listed.
    num_missing = max(sentences) + 1 - len(sentences)
    if num_missing:
        first = next(number for number in range(len(sentences) + 1) if number not in sentences)
        raise DataError(
            f"{where}: {what} of {num_missing} sentences are missing, the first is sentence "
            f"{first}; generate with --required-batch-size-multiple 1"
        )
