"""Binary data is read as fairseq wrote it, in both of its formats."""

from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("fairseq")

from fairseq.data.indexed_dataset import make_builder

from hat.errors import DataError
from hat.tasks.binary_data import read_pairs, read_sentences

SENTENCES = [[5, 6, 70_000, 2], [2], [7, 8, 2]]


def write(prefix: Path, impl: str, sentences: list[list[int]], vocab_size: int = 80_000) -> None:
    builder = make_builder(f"{prefix}.bin", impl=impl, vocab_size=vocab_size)
    for sentence in sentences:
        builder.add_item(torch.IntTensor(sentence))
    builder.finalize(f"{prefix}.idx")


@pytest.mark.parametrize("impl", ["mmap", "lazy"])
def test_sentences(tmp_path: Path, impl: str) -> None:
    write(tmp_path / "a", impl, SENTENCES)
    assert read_sentences(tmp_path / "a", 99) == SENTENCES
    assert read_sentences(tmp_path / "a", 2) == SENTENCES[:2]
    assert read_sentences(tmp_path / "a", 0) == []
    for end in ("bin", "idx"):
        path = tmp_path / f"a.{end}"
        path.write_bytes(path.read_bytes()[:-9] if end == "bin" else path.read_bytes()[:45])
        with pytest.raises(DataError, match=rf"a\.{end}: has \d+ bytes, but"):
            read_sentences(tmp_path / "a", 99)
    (tmp_path / "a.bin").unlink()
    write(tmp_path / "b", impl, SENTENCES)
    (tmp_path / "b.bin").unlink()
    with pytest.raises(DataError, match=r"b\.bin: cannot be read: No such file"):
        read_sentences(tmp_path / "b", 99)


def test_small_vocabularies_are_stored_in_two_bytes(tmp_path: Path) -> None:
    write(tmp_path / "a", "mmap", [[60_000, 2]], vocab_size=65_000)
    assert (tmp_path / "a.bin").stat().st_size == 2 * np.dtype("u2").itemsize
    assert read_sentences(tmp_path / "a", 1) == [[60_000, 2]]


@pytest.mark.parametrize("pair", ["xx-yy", "yy-xx"])
def test_pairs_of_the_first_split_there_is(tmp_path: Path, pair: str) -> None:
    assert read_pairs(tmp_path, ("xx", "yy"), ["valid", "test"], 9) == []
    write(tmp_path / f"test.{pair}.xx", "mmap", SENTENCES)
    assert read_pairs(tmp_path, ("xx", "yy"), ["valid", "test"], 9) == []
    write(tmp_path / f"test.{pair}.yy", "mmap", [[9, 2], [8, 2], [7, 2]])
    found = read_pairs(tmp_path, ("xx", "yy"), ["valid", "test"], 2)
    assert found == [([5, 6, 70_000, 2], [9, 2]), ([2], [8, 2])]
    write(tmp_path / f"test.{pair}.yy", "mmap", [[9, 2]])
    with pytest.raises(DataError, match="test: xx has 3 sentences, but yy has 1"):
        read_pairs(tmp_path, ("xx", "yy"), ["test"], 9)
