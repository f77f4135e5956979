"""Text as lines of words: the one rule for where a line and where a word ends.

A line ends at a line feed; a carriage return before it belongs to that end. Everything else that
is blank stands between words and becomes one U+0020: the white space of Unicode, control
characters, the zero-width space U+200B and the byte-order mark U+FEFF. Runs of blanks are one
blank, and none stands at either end of a line.

The programs that a text passes through disagree about this, each without a word. BPE splits words
at U+0020 only, fairseq at any white space, and Moses' tokeniser drops control characters and so
glues what they part. ``str.splitlines`` and ``codecs`` end lines at U+2028, U+0085 and others,
and a text-mode ``open`` at a lone carriage return, so that the two sides of a parallel corpus no
longer have equally many lines. Text that follows the rule is the same to all of them.

Characters that shape the word they stand in are kept: joiners, soft hyphens, marks of direction.
"""

import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from hat.errors import DataError
from hat.files import write_text
from hat.reading import check_kind, lines_of, opened, reason

_BLANK = re.compile("[\x00-\x20\x7f-\xa0\u1680\u2000-\u200b\u2028\u2029\u202f\u205f\u3000\ufeff]")
_BLANKS = re.compile(f"{_BLANK.pattern}+")


def plain(line: str) -> str:
    """Returns ``line`` with one U+0020 between its words and no other blank."""
    if _is_plain(line):
        return line
    return _BLANKS.sub(" ", line).strip(" ")


def _is_plain(line: str) -> bool:
    # Every blank but U+0020 is unprintable to Python, which looks at a line much faster than a
    # regular expression does. Joiners are unprintable too, so a False only means: look closer.
    return (
        line.isprintable()
        and "  " not in line
        and not line.startswith(" ")
        and not line.endswith(" ")
    )


@dataclass
class Changes:
    """Makes lines plain and counts what that changed, over as many texts as one likes."""

    lines: int = 0
    """Lines seen."""

    changed: int = 0
    """Lines that are not what they were, their ends apart."""

    blanks: Counter[str] = field(default_factory=Counter)
    """How often a character became a blank, by its name, for example ``U+2028``."""

    spare: int = 0
    """Lines with blanks too many: doubled, or at an end."""

    crlf: int = 0
    """Lines that ended in a carriage return and a line feed."""

    def plain(self, line: str) -> str:
        """Returns ``line``, its line feed taken off already, under the rule."""
        self.lines += 1
        if line.endswith("\r"):
            self.crlf += 1
            line = line[:-1]
        result = plain(line)
        if result != line:
            self.changed += 1
            single = _BLANK.sub(" ", line)
            self.blanks.update(f"U+{ord(c):04X}" for c in _BLANK.findall(line) if c != " ")
            self.spare += single != result
        return result

    def __str__(self) -> str:
        """One sentence, for example ``blanks: 3 of 29,000 lines changed (U+00A0 4)``."""
        found = [f"{name} {count:,}" for name, count in sorted(self.blanks.items())]
        if self.spare:
            found.append(f"doubled or outer blanks in {self.spare:,}")
        if self.crlf:
            found.append(f"CR LF ends {self.crlf:,}")
        details = f" ({', '.join(found)})" if found else ""
        changed = f"{self.changed:,}" if self.changed else "none"
        return f"blanks: {changed} of {self.lines:,} lines changed{details}"

    def to_json(self) -> dict[str, Any]:
        """The counts, ready for JSON."""
        return {
            "lines": self.lines,
            "changed": self.changed,
            "blanks": dict(sorted(self.blanks.items())),
            "doubled_or_outer_blanks": self.spare,
            "cr_lf": self.crlf,
        }


def read_text(path: str | Path, changes: Changes | None = None) -> list[str]:
    """Returns the lines of a UTF-8 text file under the rule; ``.gz`` is unpacked.

    Args:
        path: the file.
        changes: counts what the rule changed.

    Raises:
        DataError: if the file is missing, damaged or not UTF-8.
    """
    return list(iterate_text(path, changes))


def iterate_text(path: str | Path, changes: Changes | None = None) -> Iterator[str]:
    """Yields what ``read_text`` returns, for files that do not fit in memory."""
    changes = Changes() if changes is None else changes
    return (changes.plain(line) for line in _decoded_file(Path(path)))


def iterate_stream(stream: IO[bytes], name: str, changes: Changes) -> Iterator[str]:
    """Yields the lines of an open stream under the rule; ``name`` stands in errors.

    Raises:
        DataError: if it cannot be read or is not UTF-8.
    """
    try:
        yield from (changes.plain(line) for line in _decoded(stream, name))
    except OSError as problem:  # opened for writing, or a terminal that is gone
        raise DataError(f"{name}: cannot be read: {reason(problem)}") from None


STDIN = "standard input"
"""How sentences call it."""


def standard_input() -> IO[bytes]:
    """Returns the bytes of standard input.

    Raises:
        DataError: if it is closed, as after ``<&-``.
    """
    if sys.stdin is None:
        raise DataError(f"{STDIN}: is closed: name a file, or redirect one to it")
    return sys.stdin.buffer


def read_lines(path: str | Path) -> list[str]:
    """Returns the lines of a UTF-8 file as they stand but for their ends; ``.gz`` is unpacked.

    For files that are no text, such as logs with tabs between fields: their fields are text.

    Raises:
        DataError: if the file is missing, damaged or not UTF-8.
    """
    lines = [line.removesuffix("\r") for line in _decoded_file(Path(path))]
    if lines:
        lines[0] = lines[0].removeprefix("\ufeff")
    return lines


def write_lines(path: str | Path, lines: Iterable[str]) -> None:
    """Writes each line and a line feed; atomically.

    Raises:
        DataError: if a line holds a line end itself: a reader would count more lines.
    """
    lines = list(lines)
    for number, line in enumerate(lines, start=1):
        if "\n" in line or "\r" in line:
            raise DataError(f"{path}:{number}: holds a line end in its middle: {line[:60]!r}")
    write_text(path, "".join(f"{line}\n" for line in lines))


def _decoded_file(path: Path) -> Iterator[str]:
    with opened(path) as stream:
        yield from _decoded(stream, str(path))


def _decoded(stream: IO[bytes], name: str) -> Iterator[str]:
    """Yields the lines without their line feeds. Bytes are split, which knows no other end."""
    offset = 0
    for number, line in lines_of(stream, name):
        if number == 1:
            check_kind(line, name)
        try:
            yield line.decode("utf-8").removesuffix("\n")
        except UnicodeDecodeError as error:
            raise DataError(
                f"{name}: is not UTF-8 (byte {offset + error.start}): "
                f"found 0x{line[error.start]:02x} in line {number}"
            ) from None
        offset += len(line)
