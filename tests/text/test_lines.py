import gzip
import io
import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from hat.errors import DataError
from hat.text.lines import Changes, iterate_stream, plain, read_lines, read_text, write_lines


def test_only_line_feeds_end_a_line(tmp_path: Path) -> None:
    lines = ["one\u2028still one", "two\x85still two", "", "vier \x0b"]
    write_lines(tmp_path / "text", lines)
    assert read_lines(tmp_path / "text") == lines
    assert read_text(tmp_path / "text") == ["one still one", "two still two", "", "vier"]


def test_reads_gzip_carriage_returns_and_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "text.gz"
    path.write_bytes(gzip.compress("\ufeffeins\r\nzwei".encode()))
    assert read_lines(path) == read_text(path) == ["eins", "zwei"]


def test_every_blank_of_unicode_and_python_parts_words_and_nothing_else_does() -> None:
    for code in range(sys.maxunicode + 1):
        char = chr(code)
        is_blank = (
            char.isspace()
            or unicodedata.category(char) in ("Cc", "Zs", "Zl", "Zp")
            or char in "\u200b\ufeff"
        )
        expected = "Ein Hund" if is_blank else f"Ein{char}Hund"
        assert plain(f"Ein{char}Hund") == expected, f"U+{code:04X}"


@pytest.mark.parametrize("line", ["", " ", "\u2028", "a", "a b", " a  b ", "a\r", "\ufeffa\u200db"])
def test_plain_lines_are_the_same_to_every_reader(line: str) -> None:
    result = plain(line)
    assert plain(result) == result
    assert [word for word in result.split(" ") if word] == result.split()
    assert " ".join(result.split()) == result
    assert result.splitlines() in ([result], [])


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"", []),
        (b"\n", [""]),
        (b"a\nb", ["a", "b"]),
        (b"a\nb\n", ["a", "b"]),
        (b"a\n\n\nb\n\n", ["a", "", "", "b", ""]),
        (b"a\r\nb\r\n", ["a", "b"]),
        (b"a\r\n\r\nb\r", ["a", "", "b"]),
        (b"Der Hund\rrennt\nb\n", ["Der Hund rennt", "b"]),
        (b"A\x00man\nA\x01man\x7f\n", ["A man", "A man"]),
        (b"a\x1cb\x1db\x1eb\x1fb\n", ["a b b b b"]),
        ("\ufeffa\n\ufeffb\n".encode(), ["a", "b"]),  # two files, one after the other
        ("a\u3000b\xa0c\td\n".encode(), ["a b c d"]),
        ("\u2029\n \n".encode(), ["", ""]),
        ("co\u00adop \u200dx\n".encode(), ["co\u00adop \u200dx"]),
    ],
)
def test_what_a_line_is(tmp_path: Path, content: bytes, lines: list[str]) -> None:
    (tmp_path / "text").write_bytes(content)
    assert read_text(tmp_path / "text") == lines
    assert list(iterate_stream(io.BytesIO(content), "x", Changes())) == lines


def test_what_changed_is_counted_and_said_in_one_sentence(tmp_path: Path) -> None:
    changes = Changes()
    (tmp_path / "a").write_bytes("x\u2028y\u2028z\r\n a  b\nplain\n".encode())
    (tmp_path / "b").write_bytes("\ufeffc\rd\n".encode())
    read_text(tmp_path / "a", changes)
    assert str(changes) == (
        "blanks: 2 of 3 lines changed (U+2028 2, doubled or outer blanks in 1, CR LF ends 1)"
    )
    read_text(tmp_path / "b", changes)
    assert changes.to_json() == {
        "lines": 4,
        "changed": 3,
        "blanks": {"U+000D": 1, "U+2028": 2, "U+FEFF": 1},
        "doubled_or_outer_blanks": 2,
        "cr_lf": 1,
    }
    assert str(Changes(lines=29000)) == "blanks: none of 29,000 lines changed"


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_a_line_end_inside_a_line_is_not_written(tmp_path: Path, end: str) -> None:
    with pytest.raises(DataError, match="text:2: holds a line end in its middle"):
        write_lines(tmp_path / "text", ["a", f"b{end}c"])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("read", [read_lines, read_text])
@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "latin1",
            b"eins\n" + "Fußball".encode("latin-1"),
            r"latin1: is not UTF-8 \(byte 7\): found 0xdf in line 2",
        ),
        ("utf16", "Hund".encode("utf-16-le") + b"\xd8\n", r"utf16: is not UTF-8 .* 0xd8 in line 1"),
        ("cut", "schön".encode()[:4], r"cut: is not UTF-8 \(byte 3\): found 0xc3 in line 1"),
        (
            "half.gz",
            gzip.compress(b"x" * 1000, mtime=0)[:-9],
            "half.gz: is not a complete gzip file",
        ),
        ("text.gz", b"no gzip", "text.gz: is not a complete gzip file"),
        (
            "rot.gz",
            gzip.compress(b"abc" * 99, mtime=0)[:12] + b"\xff" * 40,
            "rot.gz: is not a complete gzip file",
        ),
        ("absent", None, "absent: cannot be read: No such file"),
    ],
)
def test_damaged_files_are_named(
    tmp_path: Path, name: str, content: bytes | None, message: str, read: object
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert callable(read)
    with pytest.raises(DataError, match=message):
        read(tmp_path / name)


@pytest.mark.parametrize(
    ("redirection", "says"),
    [
        ("<&-", "standard input: is closed: name a file, or redirect one to it"),
        ("0> out", "standard input: cannot be read: Bad file descriptor"),
    ],
)
def test_a_standard_input_that_gives_nothing_is_one_sentence(
    redirection: str, says: str, tmp_path: Path
) -> None:
    root = Path(__file__).resolve().parents[2]
    command = f"{sys.executable} -m hat.cli prepare lines {redirection}"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (2, f"error: {says}\n")
