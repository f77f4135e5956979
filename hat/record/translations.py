"""What winner and largest made of the test set: figures, and sentences chosen by a rule."""

from collections.abc import Sequence
from pathlib import Path

from hat.record.facts import Example, Translated
from hat.text.generation_log import read_generation_logs

_EVENLY = 5
_DIFFERENT = 5

RULE = (
    f"Chosen by a rule, not by taste: {_EVENLY} sentences spaced evenly through the test set, then "
    f"{_DIFFERENT} spaced evenly among those that the two translate differently."
)


def compare_translations(search: str, weights: str, winner: Path, largest: Path) -> Translated:
    """Compares the translations in two logs of one test set.

    Raises:
        DataError: if a log is damaged or holds no translations.
    """
    ours, theirs = (read_generation_logs([path]) for path in (winner, largest))
    count = min(len(ours.hypotheses), len(theirs.hypotheses))
    references = ours.references or ("",) * count
    sources = ours.sources or ("",) * count
    different = [i for i in range(count) if ours.hypotheses[i] != theirs.hypotheses[i]]
    chosen = dict.fromkeys(_spread(range(count), _EVENLY), "spaced evenly")
    rest = [i for i in different if i not in chosen]
    chosen |= dict.fromkeys(_spread(rest, _DIFFERENT), "translated differently")
    return Translated(
        search=search,
        weights=weights,
        sentences=count,
        same=count - len(different),
        winner_exact=_exact(ours.hypotheses[:count], references),
        largest_exact=_exact(theirs.hypotheses[:count], references),
        examples=[
            Example(
                number=i + 1,
                source=sources[i],
                reference=references[i],
                winner=ours.hypotheses[i],
                largest=theirs.hypotheses[i],
                why=why,
            )
            for i, why in chosen.items()
        ],
    )


def _spread(rows: Sequence[int], count: int) -> list[int]:
    """``count`` of ``rows``, evenly spaced, or all."""
    if len(rows) <= count:
        return list(rows)
    return [rows[int((place + 0.5) * len(rows) / count)] for place in range(count)]


def _exact(hypotheses: Sequence[str], references: Sequence[str]) -> int:
    return sum(a == b for a, b in zip(hypotheses, references, strict=True))
