import gzip
from pathlib import Path

import pytest

from hat.errors import DataError
from hat.tasks import multi30k
from hat.tasks.corpus import Parallel, describe, read_corpus, write_corpus
from tests.conftest import MADE_DATA

CORPUS = {
    split: Parallel((f"a {split}", "b"), ("c", "d e f")) for split in ("train", "valid", "test")
}


def test_written_and_read_again(tmp_path: Path) -> None:
    write_corpus(tmp_path, CORPUS, ("en", "de"))
    assert read_corpus(tmp_path, ("en", "de")) == CORPUS
    assert describe(CORPUS)["test"] == {
        "sentences": 2,
        "source_tokens_mean": 1.5,
        "target_tokens_mean": 2.0,
    }


def test_unequal_sides_are_refused(tmp_path: Path) -> None:
    write_corpus(tmp_path, CORPUS, ("en", "de"))
    (tmp_path / "valid.de").write_text("c\n")
    with pytest.raises(DataError, match="valid: en has 2 lines, but de has 1"):
        read_corpus(tmp_path, ("en", "de"))
    with pytest.raises(DataError, match="1 source lines, but 0 target lines"):
        Parallel(("a",), ())


def test_multi30k_reads_plain_and_gzipped_files(tmp_path: Path) -> None:
    for name in multi30k.RAW_NAMES.values():
        (tmp_path / f"{name}.en.gz").write_bytes(gzip.compress(b"A dog .\n"))
        (tmp_path / f"{name}.de").write_text("Ein Hund . \n")
    corpus = multi30k.read_raw(tmp_path)
    assert corpus["valid"] == Parallel(("A dog .",), ("Ein Hund .",))
    (tmp_path / "val.de").write_text("")
    with pytest.raises(DataError, match="val: en has 1 lines, but de has 0"):
        multi30k.read_raw(tmp_path)
    (tmp_path / "val.de").unlink()
    with pytest.raises(DataError, match=r"neither val\.de\.gz nor val\.de is there"):
        multi30k.read_raw(tmp_path)


def test_multi30k_as_it_is_published(data: Path) -> None:
    corpus = multi30k.read_raw(data / "multi30k")
    sizes = {split: len(pairs) for split, pairs in corpus.items()}
    made = {"train": 24, "valid": 5, "test": 6}
    assert sizes == (made if data == MADE_DATA else {"train": 29000, "valid": 1014, "test": 1000})
    for pairs in corpus.values():
        assert all(line and line == line.strip() for line in (*pairs.source, *pairs.target))
