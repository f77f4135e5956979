"""Runs a CTranslate2 model folder with ctranslate2 alone.

hat sends this file as it is to devices that have neither hat nor torch, so it imports nothing else.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ctranslate2

SPECIAL_WORDS = ("<s>", "<pad>", "</s>", "<unk>")
END_IDX, DUMMY_WORD = 2, 7
MODEL_FILE = "model.bin"


@dataclass(frozen=True)
class Ctranslate2Passes:
    """What is timed: CTranslate2 does not part encoder and decoder."""

    encode: Callable[[], object]
    """The encoder and one step."""

    decode: Callable[[], object]
    """A whole translation."""

    is_whole: bool = True


class Ctranslate2Network:
    """A loaded model, in the precision in which it was written.

    Args:
        folder: of the model.
        threads: of the CPU; None: CTranslate2's own choice.

    Raises:
        OSError: if a file is missing.
        ValueError: if a vocabulary is no list.
        RuntimeError: if CTranslate2 cannot read the model.
    """

    def __init__(self, folder: str | Path, threads: int | None = None) -> None:
        folder = Path(folder)
        self.source, self.target = (_words(folder, side) for side in ("source", "target"))
        self.translator: Any = ctranslate2.Translator(
            str(folder), device="cpu", inter_threads=1, intra_threads=threads or 0
        )

    def passes(
        self, src_tokens: Sequence[Sequence[int]], *, beam: int, steps: int
    ) -> Ctranslate2Passes:
        """Prepares what is timed.

        Args:
            src_tokens: B equally long rows of token numbers.
            beam: hypotheses of each sentence.
            steps: target tokens of each.
        """
        lines = [[self.source[token] for token in row] for row in src_tokens]

        def translate(length: int) -> None:
            self.translator.translate_batch(
                lines,
                beam_size=beam,
                max_input_length=0,
                min_decoding_length=length,
                max_decoding_length=length,
            )

        return Ctranslate2Passes(lambda: translate(1), lambda: translate(steps))


def load(folder: str | Path, threads: int | None = None) -> Ctranslate2Network:
    """Opens a model folder; see ``Ctranslate2Network``."""
    return Ctranslate2Network(folder, threads)


def _words(folder: Path, side: str) -> list[str]:
    """The words of a side by number; both sides may share one file."""
    path = folder / f"{side}_vocabulary.json"
    if not path.exists():
        path = folder / "shared_vocabulary.json"
    words = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(words, list):
        raise ValueError(f"{path}: expected a list of words")
    return words
