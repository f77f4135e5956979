"""fairseq's dictionaries, ``dict.<language>.txt``: how many words, read without fairseq or torch.

Each line is ``<word> <count>``, with `` #fairseq:overwrite`` after it where a word may stand twice.
A model has a row for each line and four more. ``Dictionary.load`` of fairseq decides what a line
is: a text-mode ``open`` ends one at a line feed, a carriage return or both and nowhere else, and
the last one needs no end.
"""

import os
import re
from pathlib import Path

from hat.errors import ConfigError, DataError

SPECIAL_SYMBOLS = ("<s>", "<pad>", "</s>", "<unk>")
"""Beginning, padding, end and unknown: fairseq puts them before what a file lists."""

_OVERWRITE = "#fairseq:overwrite"
_LINE_END = re.compile("\r\n|\r|\n")


def read_dictionary(path: str | Path) -> tuple[str, ...]:
    """Returns the words of a dictionary by their number, fairseq's own four first.

    Raises:
        DataError: naming file and line, where fairseq could not read the file either.
    """
    try:
        text = Path(path).read_bytes().decode("utf-8")
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: is not UTF-8 (byte {error.start})") from None
    lines = _LINE_END.split(text)
    if lines[-1] == "":
        lines.pop()
    words = list(SPECIAL_SYMBOLS)
    known = set(words)
    for number, line in enumerate(lines, start=1):
        word, may_repeat = _entry(line, f"{path}:{number}")
        if word in known and not may_repeat:
            raise DataError(
                f"{path}:{number}: the word {word!r} stands twice; expected {_OVERWRITE} behind "
                "the second if that is meant"
            )
        known.add(word)
        words.append(word)
    return tuple(words)


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
    if not folder.is_dir():
        return None
    if not (source_lang and target_lang):
        source_lang, target_lang = _languages(folder) or (None, None)
    if not (source_lang and target_lang):
        sizes = {len(read_dictionary(path)) for path in sorted(folder.glob("dict.*.txt"))}
        if len(sizes) > 1:
            raise ConfigError(
                f"{folder} has dictionaries of different sizes: give --source-lang and "
                "--target-lang"
            )
        return (size := sizes.pop(), size) if sizes else None
    source, target = (folder / f"dict.{language}.txt" for language in (source_lang, target_lang))
    for path in (source, target):
        if not path.is_file():
            raise DataError(f"{folder}: the data folder has no {path.name}")
    return len(read_dictionary(source)), len(read_dictionary(target))


def _languages(folder: Path) -> tuple[str, str] | None:
    """The language pair in a file name such as ``train.en-de.en.idx``."""
    for path in sorted(folder.iterdir()):
        parts = path.name.split(".")
        pair = parts[1].split("-") if len(parts) >= 3 else []
        if len(pair) == 2:
            return pair[0], pair[1]
    return None


def _entry(line: str, where: str) -> tuple[str, bool]:
    """Returns the word of a line, and whether it may have stood before."""
    word, blank, count = line.rstrip().rpartition(" ")
    may_repeat = count == _OVERWRITE
    if may_repeat:
        word, blank, count = word.rpartition(" ")
    try:
        int(count)
    except ValueError:
        blank = ""
    if not blank:
        raise DataError(f"{where}: expected '<word> <count>', but found {line[:60]!r}")
    return word, may_repeat
