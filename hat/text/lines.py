"""Text files as lists of lines, split at line feeds only.

``str.splitlines`` also splits at U+2028, U+0085 and others, which real corpora hold inside
sentences: two sides of a parallel corpus would no longer have equally many lines.
"""

import gzip
from collections.abc import Iterable
from pathlib import Path

from hat.errors import DataError
from hat.files import write_text


def read_lines(path: str | Path) -> list[str]:
    """Returns the lines of a UTF-8 text file without their line ends; ``.gz`` is unpacked.

    Raises:
        DataError: if the file is missing, damaged or not UTF-8.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
        text = content.decode("utf-8-sig")
    except (gzip.BadGzipFile, EOFError):
        raise DataError(f"{path}: is not a complete gzip file") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: is not UTF-8 (byte {error.start})") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    return [line.removesuffix("\r") for line in lines]


def write_lines(path: str | Path, lines: Iterable[str]) -> None:
    """Writes each line, which must not hold a line feed itself, and a line feed; atomically."""
    write_text(path, "".join(f"{line}\n" for line in lines))
