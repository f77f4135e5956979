"""fairseq's dictionaries, ``dict.<language>.txt``: how many words, read without fairseq or torch.

Each line is ``<word> <count>``, with `` #fairseq:overwrite`` after it where a word may stand twice.
A model has a row for each line and four more. ``Dictionary.load`` of fairseq decides what a line
is: a text-mode ``open`` ends one at a line feed, a carriage return or both and nowhere else, and
the last one needs no end.
"""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hat.conditions import bytes_digest
from hat.errors import CheckpointError, ConfigError, DataError
from hat.reading import check_kind, read_bytes

SPECIAL_SYMBOLS = ("<s>", "<pad>", "</s>", "<unk>")
"""Beginning, padding, end and unknown: fairseq puts them before what a file lists."""

_OVERWRITE = "#fairseq:overwrite"
_COUNT = re.compile("[0-9]{1,18}")
_LINE_END = re.compile("\r\n|\r|\n")


def read_dictionary(path: str | Path) -> tuple[str, ...]:
    """Returns the words of a dictionary by their number, fairseq's own four first.

    Raises:
        DataError: naming file and line, where fairseq could not read the file either.
    """
    content = read_bytes(path)
    check_kind(content, str(path))
    try:
        text = content.decode("utf-8")  # fairseq takes a byte-order mark for a letter
    except UnicodeDecodeError as error:
        number = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path}: is not UTF-8 (byte {error.start}): "
            f"found 0x{content[error.start]:02x} in line {number}"
        ) from None
    if text.startswith("\ufeff"):
        raise DataError(f"{path}:1: begins with a byte-order mark, which would be a part of a word")
    lines = _LINE_END.split(text)
    if lines[-1] == "":
        lines.pop()
    if not lines:
        raise DataError(f"{path}: holds no words")
    words = list(SPECIAL_SYMBOLS)
    known = set(words)
    for number, line in enumerate(lines, start=1):
        word, may_repeat = _entry(line, f"{path}:{number}")
        if word in SPECIAL_SYMBOLS and not may_repeat:
            raise DataError(
                f"{path}:{number}: {word!r} is one of fairseq's own symbols, which stand in no "
                "dictionary's file"
            )
        if word in known and not may_repeat:
            raise DataError(
                f"{path}:{number}: the word {word!r} stands twice; expected {_OVERWRITE} behind "
                "the second if that is meant"
            )
        known.add(word)
        words.append(word)
    return tuple(words)


def words_digest(words: Sequence[str]) -> str:
    """Returns the digest of a dictionary's words in their order, without their counts."""
    return bytes_digest("\n".join(words).encode("utf-8", "surrogatepass"))


SIDES = ("source", "target")


def digest_option(side: str) -> str:
    """The option of a checkpoint that holds the digest of a side's words.

    HAT's own checkpoints and those of older versions hold none.
    """
    return f"{side}_dictionary_digest"


def noted_dictionaries(options: Mapping[str, Any]) -> dict[str, str]:
    """Returns the digests that a checkpoint's options hold, by side."""
    noted = {side: options.get(digest_option(side)) for side in SIDES}
    return {side: digest for side, digest in noted.items() if digest}


def check_dictionaries(
    noted: Mapping[str, str],
    sizes: Mapping[str, int],
    words: Mapping[str, Sequence[str]],
    path: str | Path,
) -> None:
    """Checks that a model was trained with the words of these dictionaries.

    Two dictionaries of equal size may give the same numbers to other words, so digests are
    compared where the model holds them.

    Args:
        noted: the digests of the model's dictionaries, by side, as far as it holds them.
        sizes: of its vocabularies, by side.
        words: of the dictionaries, by side.
        path: names the model in messages.

    Raises:
        CheckpointError: if the words are others, as far as the model says.
    """
    for side, size in sizes.items():
        if len(words[side]) != size:
            raise CheckpointError(
                f"{path}: has {size} {side} words, but the data folder's dictionary has "
                f"{len(words[side])}: it was trained on other data"
            )
    for side, digest in noted.items():
        here = words_digest(words[side])
        if digest != here:
            raise CheckpointError(
                f"{path}: was trained with other {side} words: the digest of its dictionary is "
                f"{digest}, but that of the data folder's is {here}"
            )


def check_direction(
    trained: Mapping[str, Any], source_lang: str, target_lang: str, path: str | Path
) -> None:
    """Checks that a model is not run from its target language into its source language.

    Where both share their words, nothing else tells.

    Args:
        trained: the options of the model's training.
        source_lang: of the data.
        target_lang: of the data.
        path: names the model in messages.

    Raises:
        CheckpointError: if it was trained the other way round.
    """
    was = trained.get("source_lang"), trained.get("target_lang")
    if was == (target_lang, source_lang) and source_lang != target_lang:
        raise CheckpointError(
            f"{path}: was trained to translate from {was[0]} to {was[1]}, but the languages here "
            f"are {source_lang} to {target_lang}"
        )


def vocabulary_sizes(
    data: str | Path, source_lang: str | None, target_lang: str | None
) -> tuple[int, int] | None:
    """Returns the numbers of source and target words of a data folder, fairseq's own included.

    Of several folders, parted by colons, the first holds the dictionaries, as in fairseq.

    Where the languages are not named they are those of the binarised data, as in fairseq; where
    there is none, dictionaries of one size will do.

    Returns:
        The two sizes, or None if there is no folder, or no dictionary and no language to miss.

    Raises:
        ConfigError: if the languages are needed and not named.
        DataError: if a dictionary is damaged, or one of the two languages has none.
    """
    folder = Path(str(data).split(os.pathsep)[0])
    if folder.is_file():
        raise DataError(f"{folder}: is a file, but data is the folder of the dictionaries")
    if not folder.is_dir():
        return None
    if not (source_lang and target_lang):
        source_lang, target_lang = languages_of(folder) or (None, None)
    if not (source_lang and target_lang):
        sizes = {len(read_dictionary(path)) for path in sorted(folder.glob("dict.*.txt"))}
        if len(sizes) > 1:
            raise ConfigError(
                f"{folder} has dictionaries of different sizes: give --source-lang and "
                "--target-lang"
            )
        return (size := sizes.pop(), size) if sizes else None
    source, target = dictionary_paths(folder, (source_lang, target_lang))
    return len(read_dictionary(source)), len(read_dictionary(target))


def dictionary_paths(folder: Path, languages: tuple[str, str]) -> tuple[Path, Path]:
    """Returns the source and the target dictionary of a data folder.

    Raises:
        DataError: if one is not there.
    """
    source, target = (folder / f"dict.{language}.txt" for language in languages)
    for path in (source, target):
        if not path.is_file():
            raise DataError(f"{folder}: the data folder has no {path.name}")
    return source, target


def languages_of(folder: Path) -> tuple[str, str] | None:
    """The language pair in a file name such as ``train.en-de.en.idx``, the first of several."""
    return next(iter(language_pairs(folder)), None)


def language_pairs(folder: Path) -> list[tuple[str, str]]:
    """All language pairs in names of files such as ``train.en-de.en.idx``, each once."""
    pairs = {}
    for path in sorted(folder.iterdir()):
        parts = path.name.split(".")
        pair = parts[1].split("-") if len(parts) >= 3 else []
        if len(pair) == 2:
            pairs[pair[0], pair[1]] = True
    return list(pairs)


def _entry(line: str, where: str) -> tuple[str, bool]:
    """Returns the word of a line, and whether it may have stood before."""
    word, blank, count = line.rstrip().rpartition(" ")
    may_repeat = count == _OVERWRITE
    if may_repeat:
        word, blank, count = word.rpartition(" ")
    if not (word and blank and _COUNT.fullmatch(count)):
        raise DataError(f"{where}: expected '<word> <count>', but found {line[:60]!r}")
    return word, may_repeat
