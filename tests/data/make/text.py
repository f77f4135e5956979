"""Text as it is published: Multi30k's raw captions and WikiText-2's lines, out of a grammar."""

from pathlib import Path

import numpy as np

from tests.data.make.files import write, write_lines

SIZES = {"train": 24, "val": 5, "test_2016_flickr": 6}

_NOUNS = (("man", "Mann", "Ein"), ("dog", "Hund", "Ein"), ("woman", "Frau", "Eine"))
_VERBS = (("runs", "läuft"), ("sleeps", "schläft"), ("waits", "wartet"), ("sits", "sitzt"))
_PLACES = (("in a park", "in einem Park"), ("on a bench", "auf einer Bank"), ("outside", "draußen"))


def make(folder: Path) -> None:
    rng = np.random.default_rng(30)
    for split, count in SIZES.items():
        pairs = [_caption(rng) for _ in range(count)]
        for side, language in enumerate(("en", "de")):
            write_lines(folder / "multi30k" / f"{split}.{language}.gz", [p[side] for p in pairs])
    write(folder / "wikitext2" / "valid.txt", article(rng))


def _caption(rng: np.random.Generator) -> tuple[str, str]:
    noun, noun_de, article = _NOUNS[rng.integers(len(_NOUNS))]
    verb, verb_de = _VERBS[rng.integers(len(_VERBS))]
    place, place_de = _PLACES[rng.integers(len(_PLACES))]
    # Captions end with or without a space, as the published ones do.
    end = ". " if rng.random() < 0.2 else "."
    return f"A {noun} {verb} {place}{end}", f"{article} {noun_de} {verb_de} {place_de}{end}"


def article(rng: np.random.Generator) -> str:
    """Headings between equals signs, spaces around every word, rare words as ``<unk>``."""
    words = [word for group in (_NOUNS, _VERBS, _PLACES) for entry in group for word in entry]
    lines = [" ", " = A small article = ", " "]
    for _ in range(12):
        chosen = [*rng.choice(words, 20), "<unk>", "@-@", ","]
        lines.append(f" {' '.join(rng.permutation(chosen))} . ")
    return "\n".join(lines) + "\n"
