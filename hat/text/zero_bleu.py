"""Why a BLEU is zero, as far as translations and references tell.

A loss may fall all the while: it is taken with the right words before each word, and translations
are made of the model's own.
"""

from collections import Counter
from collections.abc import Sequence

NEXT_TO_NOTHING = 0.5
"""BLEU below which it is asked why."""

_MARKS = ("@@", "\u2581")
_MOST, _FEW = 0.5, 0.1


def explain_zero(hypotheses: Sequence[str], references: Sequence[str]) -> str:
    """Returns one sentence: what is the most likely reason for a BLEU of next to nothing.

    Args:
        hypotheses: translations, as they were scored.
        references: as many references.
    """
    total = len(hypotheses)
    for mark in _MARKS:
        ours = sum(mark in line for line in hypotheses)
        theirs = sum(mark in line for line in references)
        if ours > _MOST * total and theirs < _FEW * total:
            return (
                f"{ours} of {total} translations hold units ({mark}) and the references words: "
                "join them with --remove-bpe"
            )
        if theirs > _MOST * total and ours < _FEW * total:
            return (
                f"{theirs} of {total} references hold units ({mark}) and the translations words: "
                "give references without them, or join both sides' with --remove-bpe"
            )
    empty = sum(not line.strip() for line in hypotheses)
    if empty > _MOST * total:
        return f"{empty} of {total} translations are empty: the network has hardly been trained"
    blank = sum(not line.strip() for line in references)
    if blank >= _MOST * total:
        return f"{blank} of {total} references are empty: the file is not that of the translations"
    words = [word for line in hypotheses for word in line.split()]
    unknown = sum(word in ("<unk>", "<<unk>>") for word in words)
    if unknown > _MOST * len(words):
        return (
            f"{unknown} of {len(words)} words of the translations are <unk>: the dictionary is "
            "another text's"
        )
    [(line, times)] = Counter(hypotheses).most_common(1)
    if total > 1 and times > _MOST * total and times > 2 * Counter(references)[line]:
        return (
            f"{times} of {total} translations are {line[:60]!r}: the network does not look at the "
            "source, as one that was trained too briefly, or whose depth or width never was"
        )
    known = {word for line in references for word in line.split()}
    shared = sum(word in known for word in words)
    if shared < _FEW * len(words):
        return (
            f"{shared} of {len(words)} words of the translations occur in any reference: the "
            "dictionary, the language or the references are others than those of the training"
        )
    repeated = sum(len(set(line.split())) * 3 < len(line.split()) for line in hypotheses)
    if repeated > _MOST * total:
        return (
            f"{repeated} of {total} translations say the same words again and again: the network "
            "was trained too briefly, or its depth or width never was"
        )
    return (
        "no four words in a row are right: the network was trained too briefly, the references "
        "belong to other sentences, or the sentences are so few or short that chrF tells more"
    )
