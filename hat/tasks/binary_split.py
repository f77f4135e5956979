"""A split of a binarised data folder: which files it is, and whether they are whole and fit.

fairseq looks at a file when it first needs it, and at a word when its sentence is drawn. Here all
of a split is looked at before any work begins.
"""

import itertools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hat.errors import ConfigError, DataError, suggestion
from hat.reading import open_file
from hat.tasks.binary_data import BinarySide
from hat.tasks.binary_index import FORMATS
from hat.tasks.corpus import check_sides
from hat.text.lines import read_lines

Lengths = npt.NDArray[np.int64]

_IMPLS = {"mmap": ("mmap",), "cached": ("older",), "lazy": ("older",)}
_BINARY = (".idx", ".bin")


@dataclass(frozen=True)
class SplitPart:
    """One pair of files that belong to a split; training data may have several."""

    name: str
    """``train``, ``train1``, ..."""

    lengths: tuple[Lengths, Lengths]
    """(N,) of the source and of the target: words of each sentence, ends included."""

    odd: tuple[str, ...] = ()
    """Sentences about what can be trained on and is hardly meant."""


def check_split(
    folder: Path,
    split: str,
    languages: tuple[str, str],
    vocabularies: Sequence[int],
    *,
    impl: str | None = None,
    combine: bool = False,
) -> list[SplitPart]:
    """Checks all files of a split.

    Args:
        folder: the data folder.
        split: its name.
        languages: source and target; the folder may hold the pair in the other order.
        vocabularies: how many words the source and the target dictionary have.
        impl: fairseq's ``--dataset-impl``; None: what the files are.
        combine: whether numbered parts (``train1``) belong to it, as to training data.

    Raises:
        DataError: naming the file that is missing, damaged, or of other dictionaries.
        ConfigError: if ``impl`` is not what the files are.
    """
    found = []
    for number in itertools.count():
        name = f"{split}{number or ''}"
        prefixes = _prefixes(folder, name, languages, impl)
        if prefixes is None:
            break
        found.append(_checked(folder, name, prefixes, languages, vocabularies, impl))
        if not combine:
            break
    if not found:
        raise DataError(_absent(folder, split, languages, impl))
    return found


def _prefixes(
    folder: Path, name: str, languages: tuple[str, str], impl: str | None
) -> tuple[Path, Path] | None:
    """The paths of both sides without endings; None if there is not a file of them."""
    for pair in ("-".join(languages), "-".join(reversed(languages))):
        prefixes = (
            folder / f"{name}.{pair}.{languages[0]}",
            folder / f"{name}.{pair}.{languages[1]}",
        )
        files = [Path(f"{prefix}{end}") for prefix in prefixes for end in _ends(impl)]
        if any(os.path.lexists(path) for path in files):
            return prefixes
    return None


def _ends(impl: str | None) -> tuple[str, ...]:
    return ("",) if impl == "raw" else _BINARY


def _checked(
    folder: Path,
    name: str,
    prefixes: tuple[Path, Path],
    languages: tuple[str, str],
    vocabularies: Sequence[int],
    impl: str | None,
) -> SplitPart:
    lengths: list[Lengths] = []
    odd = []
    for prefix, words, language in zip(prefixes, vocabularies, languages, strict=True):
        paths = [Path(f"{prefix}{end}") for end in _ends(impl)]
        missing = [path for path in paths if not path.exists()]
        if missing:
            there = next(p for each in prefixes for p in _there(each, impl))
            raise DataError(f"{missing[0]}: is missing, though {there.name} is there")
        # Without a format fairseq takes a text that lies beside the binary files.
        if impl == "raw" or (impl is None and prefix.exists()):
            lengths.append(np.array([len(line.split()) + 1 for line in read_lines(prefix)]))
            continue
        _check_format(paths[0], impl)
        side = BinarySide.open(prefix)
        lengths.append(side.lengths)
        said = side.check_words(words, f"dict.{language}.txt")
        odd += [said] if said else []
    counts = [len(each) for each in lengths]
    check_sides(folder / name, languages, counts, "sentences")
    if not counts[0]:
        raise DataError(f"{folder / name}: both languages have no sentences")
    return SplitPart(name, (lengths[0], lengths[1]), tuple(odd))


def _there(prefix: Path, impl: str | None) -> list[Path]:
    return [path for end in _ends(impl) if os.path.lexists(path := Path(f"{prefix}{end}"))]


def _check_format(index: Path, impl: str | None) -> None:
    if impl is None:
        return
    with open_file(index) as stream:
        start = stream.read(16)
    for (magic, _), kind in zip(FORMATS, ("mmap", "older"), strict=True):
        if start.startswith(magic) and kind not in _IMPLS[impl]:
            raise ConfigError(
                f"{index}: is of the {kind} format, but dataset-impl is {impl}: leave that out"
            )


def _absent(folder: Path, split: str, languages: tuple[str, str], impl: str | None) -> str:
    pair = "-".join(languages)
    there = sorted(set(_splits(folder, languages, impl)))
    hint = suggestion(split, there) or (f"; there are {', '.join(there)}" if there else "")
    files = " and ".join(f"{split}.{pair}.{languages[0]}{end}" for end in _ends(impl))
    return f"{folder}: has no {split!r} data, such as {files}{hint}"


def _splits(folder: Path, languages: tuple[str, str], impl: str | None) -> Iterator[str]:
    """The names of the splits of a language pair that lie in a folder."""
    for pair in ("-".join(languages), "-".join(reversed(languages))):
        for language in languages:
            for end in _ends(impl):
                tail = f".{pair}.{language}{end}"
                yield from (
                    path.name.removesuffix(tail)
                    for path in folder.iterdir()
                    if path.name.endswith(tail)
                )


@dataclass(frozen=True)
class Room:
    """What a sentence and a batch may hold."""

    positions: tuple[int, int]
    """Longest source and target: max-source-positions and max-target-positions."""

    max_tokens: int | None = None
    """Of a batch."""

    option: str = "max-tokens"
    """What sets ``max_tokens``."""


def check_room(
    where: str, lengths: tuple[Lengths, Lengths], room: Room, *, skip: bool = False
) -> None:
    """Checks that each sentence has room in the model and in a batch.

    Args:
        where: names the split in messages.
        lengths: (N,) words of source and target, ends included.
        room: what there is.
        skip: whether those that are too long for the model are left out.

    Raises:
        DataError: naming the first sentence that has none, its length and the option; or if
            every one would be left out.
    """
    keep = np.ones(len(lengths[0]), dtype=bool)
    for side, found, most in zip(("source", "target"), lengths, room.positions, strict=True):
        long = np.flatnonzero(found > most)
        if long.size and not skip:
            option = f"max-{side}-positions"
            raise DataError(_too_long(where, int(long[0]), side, int(found[long[0]]), option, most))
        keep[long] = False
    if not keep.any():
        raise DataError(
            f"{where}: holds no sentence that max-source-positions, {room.positions[0]}, and "
            f"max-target-positions, {room.positions[1]}, allow"
        )
    if room.max_tokens is None:
        return
    for side, found in zip(("source", "target"), lengths, strict=True):
        long = np.flatnonzero(keep & (found > room.max_tokens))
        if long.size:
            first = int(long[0])
            raise DataError(
                _too_long(where, first, side, int(found[first]), room.option, room.max_tokens)
            )


def _too_long(where: str, index: int, side: str, words: int, option: str, most: int) -> str:
    return (
        f"{where}: sentence {index + 1} has {words} {side} words, its end included, but {option} "
        f"is {most}"
    )
