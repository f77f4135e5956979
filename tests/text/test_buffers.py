"""A file gives full buffers; a pipe gives what has come, without waiting for more."""

import os
from pathlib import Path

import pytest

from hat.errors import DataError
from hat.text.buffers import buffered_stream
from hat.text.lines import Changes


def test_of_a_file_they_are_full(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text("".join(f"{i}  x\r\n" for i in range(10)))
    with open(path, "rb") as stream:
        buffers = list(buffered_stream(stream, "text", 4, Changes()))
    assert list(map(len, buffers)) == [4, 4, 2]
    assert [line for buffer in buffers for line in buffer] == [f"{i} x" for i in range(10)]


def test_nobody_waits_for_a_full_buffer() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as stream:
        buffers = buffered_stream(stream, "pipe", 100, Changes())
        for text in (b"one\n", b"two\nthree\n"):
            os.write(writing, text)
            found = next(buffers)  # though the pipe stays open
            assert found == text.decode().split()
        os.write(writing, b"last")
        os.close(writing)
        assert list(buffers) == [["last"]]


def test_lines_before_a_bad_one_come_first(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes(b"one\ntwo\nth\xffree\n")
    with open(path, "rb") as stream:
        buffers = buffered_stream(stream, "text", 100, Changes())
        assert next(buffers) == ["one", "two"]
        with pytest.raises(
            DataError, match=r"text: is not UTF-8 \(byte 10\): found 0xff in line 3"
        ):
            next(buffers)


def test_nothing(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"")
    with open(tmp_path / "text", "rb") as stream:
        assert list(buffered_stream(stream, "text", 4, Changes())) == []
