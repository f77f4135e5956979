"""Moses' punctuation normalisation, tokenisation and detokenisation, by sacremoses.

Case is kept. Unless asked for, tokens are not escaped (``&`` stays ``&``) and hyphens are not
split, so that detokenising gives the text back but for unusual spacing.
"""

import unicodedata
from collections.abc import Iterable
from typing import Any

from hat.errors import ConfigError


class MosesTokeniser:
    """Sets tokens apart by blanks.

    Args:
        language: decides about quotes, contractions and abbreviations.
        normalise: first makes quotes, dashes and blanks plain (normalize-punctuation.perl).
        drop_unprintable: then makes blanks of what does not print
            (remove-non-printing-char.perl).
        split_hyphens: ``well-known`` becomes ``well @-@ known`` (tokenizer.perl -a).
        escape: writes ``&apos;`` and the like, as tokenizer.perl does by default.
    """

    def __init__(
        self,
        language: str,
        *,
        normalise: bool = False,
        drop_unprintable: bool = False,
        split_hyphens: bool = False,
        escape: bool = False,
    ) -> None:
        moses = _sacremoses()
        self._normaliser = moses.MosesPunctNormalizer(lang=language) if normalise else None
        self._tokeniser = moses.MosesTokenizer(lang=language)
        self._drop_unprintable = drop_unprintable
        self._options = {"aggressive_dash_splits": split_hyphens, "escape": escape}

    def __call__(self, line: str) -> str:
        """Returns the line's tokens with blanks between them."""
        if self._normaliser is not None:
            line = self._normaliser.normalize(line)
        if self._drop_unprintable:
            line = "".join(" " if unicodedata.category(c)[0] == "C" else c for c in line)
        tokens: str = self._tokeniser.tokenize(line, return_str=True, **self._options)
        return tokens


class MosesDetokeniser:
    """Joins tokens into text; Moses' escapes (``&apos;``) and split hyphens (``@-@``) go too."""

    def __init__(self, language: str) -> None:
        self._detokeniser = _sacremoses().MosesDetokenizer(lang=language)

    def __call__(self, line: str) -> str:
        """Returns the text of the tokens in ``line``."""
        text: str = self._detokeniser.detokenize(line.split())
        return text


def normalise_and_tokenise(lines: Iterable[str], language: str) -> list[str]:
    """Returns the lines with plain quotes and dashes and blanks between the tokens."""
    return list(map(MosesTokeniser(language, normalise=True), lines))


def detokenise(lines: Iterable[str], language: str) -> list[str]:
    """Returns the text of lines of tokens, see ``MosesDetokeniser``."""
    return list(map(MosesDetokeniser(language), lines))


def _sacremoses() -> Any:
    try:
        import sacremoses
    except ImportError:
        raise ConfigError(
            "tokenising needs the package sacremoses, which is not installed: pip install "
            "sacremoses"
        ) from None
    return sacremoses
