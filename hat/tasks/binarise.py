"""Text to fairseq's binary data, with what fairseq-preprocess does not look at looked at.

It reads whatever lies in the files, ends lines where a text-mode ``open`` does, and writes as many
sentences as it found: two sides that drift apart are no error to it. So its files are made plain
first (``hat.text.lines``), and sentences are counted before and after.
"""

import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from hat.errors import ConfigError, DataError
from hat.files import real_path, write_text
from hat.folders import replacing_folder
from hat.machine.processes import end_with_parent
from hat.settings import NO_OUTCOME, AtLeast, AtMost, Shown
from hat.tasks.binary_index import count_sentences
from hat.tasks.bpe import spell_out
from hat.tasks.corpus import SPLITS, check_sides, check_words
from hat.tasks.prepare import LanguageSettings
from hat.text.dictionaries import SPECIAL_SYMBOLS, read_dictionary
from hat.text.lines import Changes, iterate_text

FAIRSEQ_PREPROCESS = (sys.executable, "-m", "fairseq_cli.preprocess")

_LAST_LINES = 20


@dataclass(frozen=True, kw_only=True)
class BinariseSettings(LanguageSettings):
    """What is binarised, with which dictionaries."""

    text_dir: Path
    """folder of {train,valid,test}.LANGUAGE"""

    binary_dir: Annotated[Path, NO_OUTCOME]
    """folder to write to"""

    workers: Annotated[int, AtLeast(1), AtMost(4096), NO_OUTCOME] = 1
    """processes"""

    joined_dictionary: bool = False
    """one dictionary for both languages"""

    srcdict: Annotated[Path | None, Shown("FILE")] = None
    """take this dictionary"""

    tgtdict: Annotated[Path | None, Shown("FILE")] = None
    """take this dictionary"""

    thresholdsrc: Annotated[int | None, AtLeast(0), Shown("N")] = None
    """as of fairseq-preprocess"""

    thresholdtgt: Annotated[int | None, AtLeast(0), Shown("N")] = None
    """as of fairseq-preprocess"""

    nwordssrc: Annotated[int | None, AtLeast(-1), Shown("N")] = None
    """as of fairseq-preprocess"""

    nwordstgt: Annotated[int | None, AtLeast(-1), Shown("N")] = None
    """as of fairseq-preprocess"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.joined_dictionary and self.srcdict is not None and self.tgtdict is not None:
            raise ConfigError(
                "--joined-dictionary is one for both languages: give --srcdict or --tgtdict, not "
                "both"
            )

    def flags(self) -> list[str]:
        """Returns them as flags of fairseq-preprocess.

        Raises:
            DataError: if fairseq could not read a dictionary.
        """
        flags = ["--workers", str(self.workers)]
        if self.joined_dictionary:
            flags.append("--joined-dictionary")
        for name in ("srcdict", "tgtdict"):
            if (path := getattr(self, name)) is not None:
                read_dictionary(path)
                flags += [f"--{name}", str(path)]
        for name in ("thresholdsrc", "thresholdtgt", "nwordssrc", "nwordstgt"):
            if (limit := getattr(self, name)) is not None:
                flags += [f"--{name}", str(limit)]
        return flags


@dataclass(frozen=True)
class Binarised:
    """What stands in a data folder."""

    sentences: Mapping[str, int]
    """Sentence pairs of each split."""

    words: tuple[int, int]
    """Sizes of the source and the target dictionary, fairseq's own four words included."""

    changes: Changes
    """What was not plain in the text."""


def binarise(
    text_dir: Path,
    languages: tuple[str, str],
    binary_dir: Path,
    *,
    flags: Sequence[str] = (),
    program: Sequence[str] = FAIRSEQ_PREPROCESS,
) -> Binarised:
    """Binarises ``text_dir/{train,valid,test}.{source,target}`` into ``binary_dir``.

    What stood in ``binary_dir`` is replaced when all went well, and else is left as it was.

    Args:
        text_dir: folder of the text, tokenised and split into BPE units.
        languages: source and target language.
        binary_dir: folder to write.
        flags: further flags of fairseq-preprocess.
        program: the command that stands for fairseq-preprocess.

    Raises:
        ConfigError: if ``binary_dir`` holds the text, or anything but binarised data.
        LockedError: if another process binarises into it.
        DataError: if a file is missing or not UTF-8, the two sides of a split have different
            numbers of lines or none, fairseq fails, or it made more or fewer sentences.
    """
    source, target = languages
    check_replaceable(binary_dir, text_dir)
    with replacing_folder(binary_dir, lambda _: True) as temporary:
        plain_dir = temporary / "text"
        sentences, changes = _plain_copies(text_dir, languages, plain_dir)
        command = [
            *program,
            *("--source-lang", source, "--target-lang", target),
            *(word for split in SPLITS for word in (f"--{split}pref", str(plain_dir / split))),
            *("--destdir", str(temporary), *flags),
        ]
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            errors="replace",
            preexec_fn=end_with_parent,  # or it would go on writing where the next one begins
        )
        if done.returncode != 0:
            tail = done.stdout.rstrip().split("\n")[-_LAST_LINES:]
            print("\n".join(tail), file=sys.stderr)
            raise DataError("fairseq-preprocess failed; its last lines are above")
        shutil.rmtree(plain_dir)
        log = temporary / "preprocess.log"
        if log.is_file():  # it names the folder, whose name is another each time
            write_text(
                log, log.read_text(encoding="utf-8").replace(str(temporary), str(binary_dir))
            )
        for split, count in sentences.items():
            _check_sentences(temporary, split, languages, count, text_dir)
        words = tuple(_num_words(temporary, name, text_dir) for name in languages)
    return Binarised(sentences, (words[0], words[1]), changes)


def _num_words(folder: Path, language: str, text_dir: Path) -> int:
    """The size of a dictionary that fairseq made.

    Raises:
        DataError: if it has no word but those that only fill it up: every sentence is unknown.
    """
    words = read_dictionary(folder / f"dict.{language}.txt")
    if all(word.startswith("madeupword") for word in words[len(SPECIAL_SYMBOLS) :]):
        raise DataError(
            f"{text_dir / f'train.{language}'}: no word of it is left in the dictionary: a lower "
            "threshold, or more words, would leave some"
        )
    return len(words)


def check_replaceable(binary_dir: Path, text_dir: Path) -> None:
    """Refuses what must not be deleted: ``binary_dir`` goes when the new data are there.

    Raises:
        ConfigError: if it holds the text, or anything but binarised data.
    """
    if real_path(text_dir).is_relative_to(real_path(binary_dir)):
        raise ConfigError(f"{binary_dir}: would be replaced, and the text {text_dir} lies in it")
    if not binary_dir.exists():
        return
    is_data = binary_dir.is_dir() and any(binary_dir.glob("dict.*.txt"))
    if not is_data and not (binary_dir.is_dir() and not any(binary_dir.iterdir())):
        raise ConfigError(f"{binary_dir}: is no folder of binarised data, so it is not replaced")


def _plain_copies(
    text_dir: Path, languages: tuple[str, str], plain_dir: Path
) -> tuple[dict[str, int], Changes]:
    """Writes plain copies of the text; returns the lines of each split, equal on both sides."""
    changes = Changes()
    sentences = {}
    plain_dir.mkdir()
    for split in SPLITS:
        counts = [
            _plain_copy(text_dir / f"{split}.{name}", plain_dir / f"{split}.{name}", changes)
            for name in languages
        ]
        check_sides(text_dir / split, languages, counts)
        sentences[split] = counts[0]
    return sentences, changes


def _plain_copy(path: Path, copy: Path, changes: Changes) -> int:
    """Copies a file line by line, because the largest do not fit in memory; counts lines."""
    count, has_words = 0, False
    with open(copy, "w", encoding="utf-8", newline="\n") as stream:
        for line in iterate_text(path, changes):
            stream.write(f"{spell_out(line)}\n")
            count += 1
            has_words = has_words or bool(line)
    check_words(has_words, path)
    return count


def _check_sentences(
    folder: Path, split: str, languages: tuple[str, str], expected: int, text_dir: Path
) -> None:
    for language in languages:
        path = folder / f"{split}.{languages[0]}-{languages[1]}.{language}.idx"
        found = count_sentences(path)
        if found != expected:
            raise DataError(
                f"{text_dir / split}.{language} has {expected} lines, but fairseq-preprocess made "
                f"{found} sentences of them"
            )
