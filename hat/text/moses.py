"""Moses' punctuation normalisation, tokenisation and detokenisation, by sacremoses.

Case is kept. Tokens are not escaped (``&`` stays ``&``) and hyphens are not split, so that
detokenising gives the text back but for unusual spacing.
"""

from collections.abc import Iterable


def normalise_and_tokenise(lines: Iterable[str], language: str) -> list[str]:
    """Returns the lines with plain quotes and dashes and blanks between the tokens."""
    from sacremoses import MosesPunctNormalizer, MosesTokenizer

    normaliser = MosesPunctNormalizer(lang=language)
    tokeniser = MosesTokenizer(lang=language)
    return [
        tokeniser.tokenize(normaliser.normalize(line), return_str=True, escape=False)
        for line in lines
    ]


def detokenise(lines: Iterable[str], language: str) -> list[str]:
    """Joins tokens into text; Moses' escapes (``&apos;``) and split hyphens (``@-@``) go too."""
    from sacremoses import MosesDetokenizer

    detokeniser = MosesDetokenizer(lang=language)
    return [detokeniser.detokenize(line.split()) for line in lines]
