import gzip
from pathlib import Path

import pytest

from hat.errors import DataError
from hat.text.lines import read_lines, write_lines


def test_only_line_feeds_end_a_line(tmp_path: Path) -> None:
    lines = ["one\u2028still one", "two\x85still two", "", "vier \x0b"]
    write_lines(tmp_path / "text", lines)
    assert read_lines(tmp_path / "text") == lines


def test_reads_gzip_carriage_returns_and_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "text.gz"
    path.write_bytes(gzip.compress("\ufeffeins\r\nzwei".encode()))
    assert read_lines(path) == ["eins", "zwei"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("latin1", "Fußball".encode("latin-1"), r"latin1: is not UTF-8 \(byte 2\)"),
        (
            "half.gz",
            gzip.compress(b"x" * 1000, mtime=0)[:-9],
            "half.gz: is not a complete gzip file",
        ),
        ("text.gz", b"no gzip", "text.gz: is not a complete gzip file"),
        ("absent", None, "absent: cannot be read: No such file"),
    ],
)
def test_damaged_files_are_named(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_lines(tmp_path / name)
