"""Splitting of hyphenated compounds, which "normal" BLEU does before it counts n-grams.

From Vaswani et al. (2017) on, tokenised BLEU of German has been computed on text in which
``rich-text`` reads ``rich ##AT##-##AT## text`` (compound_split_bleu.sh of fairseq and
tensor2tensor); HAT does so for every language. It raises BLEU by some tenths, so such numbers
compare with each other only.
"""

import re

_HYPHEN_IN_WORD = re.compile(r"(\S)-(\S)")


def split_compounds(line: str) -> str:
    """Returns ``line`` with each hyphen inside a word set apart as ``##AT##-##AT##``.

    As in the original, a one-letter middle keeps its second hyphen: ``a-b-c`` becomes
    ``a ##AT##-##AT## b-c``, because matches do not overlap.
    """
    return _HYPHEN_IN_WORD.sub(r"\1 ##AT##-##AT## \2", line)
