from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hat.errors import DataError, HatError

pytest.importorskip("fairseq")

from hat.fairseq_plugin.data_folder import dictionaries_digest, subset_digest


def task(data: object, source: str = "en", target: str = "de") -> Any:
    """The part of fairseq's task that says where the data is."""
    return SimpleNamespace(
        cfg=SimpleNamespace(data=str(data), source_lang=source, target_lang=target)
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("dict.en.txt", "dict.de.txt", "dict.fr.txt"):
        (tmp_path / name).write_text("a 1\nb 1\n")
    for split in ("valid", "valid1", "test"):
        for pair in ("en-de", "en-fr"):
            for language in pair.split("-"):
                for kind in ("bin", "idx"):
                    (tmp_path / f"{split}.{pair}.{language}.{kind}").write_text(f"{split}{kind}")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("valid.en-de.en.bin", True),
        ("valid.en-de.de.idx", True),
        ("valid.en-fr.fr.bin", False),
        ("valid1.en-de.en.bin", False),
        ("test.en-de.de.bin", False),
        ("dict.en.txt", False),
    ],
)
def test_a_subset_is_its_own_files(name: str, counts: bool, folder: Path) -> None:
    before = subset_digest(task(folder), "valid")
    (folder / name).write_text("changed")
    assert (subset_digest(task(folder), "valid") != before) == counts


def test_the_pair_may_be_stored_the_other_way_round(folder: Path) -> None:
    both = [subset_digest(task(folder, *pair), "valid") for pair in (("en", "de"), ("de", "en"))]
    assert both[0] == both[1]


def test_words_in_another_order_are_another_dictionary(folder: Path) -> None:
    before = dictionaries_digest(task(folder))
    (folder / "dict.fr.txt").write_text("b 1\n")
    assert dictionaries_digest(task(folder)) == before
    (folder / "dict.de.txt").write_text("b 1\na 1\n")
    assert dictionaries_digest(task(folder)) != before


def test_of_several_folders_the_first_holds_what_is_read(folder: Path) -> None:
    several = task(f"{folder}:/nowhere")
    assert subset_digest(several, "valid") == subset_digest(task(folder), "valid")
    assert dictionaries_digest(several) == dictionaries_digest(task(folder))


def test_what_is_not_there_is_named(folder: Path) -> None:
    with pytest.raises(DataError, match="has no 'train' data"):
        subset_digest(task(folder), "train")
    with pytest.raises(HatError, match=r"dict.xx.txt: cannot be read"):
        dictionaries_digest(task(folder, "xx"))
