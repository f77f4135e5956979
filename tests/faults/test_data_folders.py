"""What can be wrong with a folder of binarised data, for training, translation and search."""

import shutil
import struct
from pathlib import Path

import numpy as np
import pytest

from tests.faults.fault import Fault, Spoil, as_tests, refused

pytest.importorskip("fairseq")

TRAIN = "train --configs=space.yml --save-dir run --num-workers 0"
GENERATE = "generate bin --path net.pt --configs=sub.yml"
SEARCH = (
    "search --configs=space.yml --restore-file net.pt --write-config-path best.yml "
    "--params-constraint 100%"
)


def side(split: str, language: str, end: str) -> str:
    return f"bin/{split}.xx-yy.{language}.{end}"


SOURCE, INDEX = side("train", "xx", "bin"), side("train", "xx", "idx")


def gone(*names: str) -> Spoil:
    return lambda folder: [(folder / name).unlink() for name in names]


def holding(name: str, content: bytes) -> Spoil:
    return lambda folder: (folder / name).write_bytes(content)


def cut(name: str, count: int) -> Spoil:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:count])


def with_bytes(name: str, place: int, content: bytes) -> Spoil:
    def spoil(folder: Path) -> None:
        found = bytearray((folder / name).read_bytes())
        found[place : place + len(content)] = content
        (folder / name).write_bytes(found)

    return spoil


def swapped(first: str, second: str) -> Spoil:
    def spoil(folder: Path) -> None:
        shutil.move(folder / first, folder / "aside")
        shutil.move(folder / second, folder / first)
        shutil.move(folder / "aside", folder / second)

    return spoil


def a_folder(name: str) -> Spoil:
    def spoil(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).mkdir()

    return spoil


def a_loop(name: str) -> Spoil:
    def spoil(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).symlink_to(Path(name).name)

    return spoil


def words(name: str, spoiled: str) -> Spoil:
    """Puts a line in the place of a dictionary's third."""

    def spoil(folder: Path) -> None:
        lines = (folder / name).read_text().splitlines()
        lines[2] = spoiled
        (folder / name).write_bytes("\n".join([*lines, ""]).encode("latin-1"))

    return spoil


def raw_text(lines: bytes) -> Spoil:
    """Text in the place of all binary data; the source side of training has ``lines``."""

    def spoil(folder: Path) -> None:
        for path in (folder / "bin").glob("*.xx-yy.*"):
            path.unlink()
        for split in ("train", "valid"):
            for language in ("xx", "yy"):
                (folder / f"bin/{split}.xx-yy.{language}").write_bytes(b"w1 w2\nw3\n")
        (folder / "bin/train.xx-yy.xx").write_bytes(lines)

    return spoil


def of_the_older_format(places: list[int], lengths: list[int], code: int = 4) -> bytes:
    count = len(lengths)
    head = b"TNTIDX\0\0" + struct.pack("<QQQQQ", 1, code, 4, count, count)
    numbers = [*range(count + 1), *places, *lengths]
    return head + np.array(numbers, dtype="<i8").tobytes()


def older(places: list[int], lengths: list[int], words: list[int]) -> Spoil:
    """The source side of training in the format of HAT's time, with these numbers."""

    def spoil(folder: Path) -> None:
        (folder / INDEX).write_bytes(of_the_older_format(places, lengths))
        (folder / SOURCE).write_bytes(np.array(words, dtype="<i4").tobytes())
        target = of_the_older_format([0, 3, 5], [3, 2])
        (folder / side("train", "yy", "idx")).write_bytes(target)
        (folder / side("train", "yy", "bin")).write_bytes(
            np.array([5, 6, 3, 7, 3], dtype="<i4").tobytes()
        )

    return spoil


FAULTS = [
    # a file of the data
    *(
        Fault(f"no-{name}", TRAIN, (f"bin/{name}: is missing, though",), gone(f"bin/{name}"))
        for name in (
            *("train.xx-yy.xx.bin", "train.xx-yy.xx.idx", "train.xx-yy.yy.bin"),
            *("valid.xx-yy.yy.idx", "valid.xx-yy.xx.bin"),
        )
    ),
    Fault(
        "no-training-data",
        TRAIN,
        ("bin: has no 'train' data, such as train.xx-yy.xx.idx", "there are test, valid"),
        gone(*(side("train", lang, end) for lang in ("xx", "yy") for end in ("bin", "idx"))),
    ),
    Fault(
        "a-yaml-file-for-the-folder", f"{TRAIN} space.yml", ("space.yml: is a file", "--configs")
    ),
    Fault("empty-words", TRAIN, (SOURCE, "has 0 bytes", "tells of 750"), holding(SOURCE, b"")),
    Fault("cut-words", TRAIN, (SOURCE, "has 749 bytes", "tells of 750"), cut(SOURCE, -1)),
    Fault("longer-words", TRAIN, (SOURCE, "has 900 bytes", "750"), holding(SOURCE, b"\4\0" * 450)),
    Fault("empty-index", TRAIN, (INDEX, "is no index of"), holding(INDEX, b"")),
    Fault("index-of-a-head", TRAIN, (INDEX, "is no index of"), cut(INDEX, 20)),
    Fault(
        "cut-index", TRAIN, (INDEX, "has 100 bytes", "60 sentences", "take 746"), cut(INDEX, 100)
    ),
    Fault("garbage-index", TRAIN, (INDEX, "is no index of"), holding(INDEX, b"\xff" * 746)),
    Fault(
        "another-version",
        TRAIN,
        (INDEX, "is of version 7, but expected 1"),
        with_bytes(INDEX, 9, b"\7"),
    ),
    Fault("another-type", TRAIN, (INDEX, "unknown type (6)"), with_bytes(INDEX, 17, b"\6")),
    Fault(
        "a-type-of-other-width",
        TRAIN,
        (INDEX, "sentence 2 begins at", "those before it end at"),
        with_bytes(INDEX, 17, b"\4"),
    ),
    Fault(
        "a-negative-length",
        TRAIN,
        (INDEX, "sentence 1 has -1 words"),
        with_bytes(INDEX, 26, b"\xff" * 4),
    ),
    Fault(
        "another-length",
        TRAIN,
        (INDEX, "sentence 2 begins at", "the file is damaged"),
        with_bytes(INDEX, 26, b"\2"),
    ),
    Fault(
        "another-place",
        TRAIN,
        (INDEX, "sentence 60 begins at"),
        with_bytes(INDEX, 26 + 60 * 12 - 8, b"\xff"),
    ),
    Fault(
        "more-sentences-than-there-are",
        TRAIN,
        ("bin/train: xx has", "sentences, but yy has 60"),
        with_bytes(INDEX, 18, struct.pack("<Q", 10**12)),
    ),
    Fault(
        "a-word-outside",
        TRAIN,
        (SOURCE, "sentence 1 holds word number 255, but dict.xx.txt has 24 words"),
        with_bytes(SOURCE, 0, b"\xff"),
    ),
    Fault(
        "no-end",
        TRAIN,
        (SOURCE, "sentence 60 does not end with </s>"),
        with_bytes(SOURCE, 748, b"\5"),
    ),
    Fault("index-for-words", TRAIN, (INDEX, "is no index of"), swapped(SOURCE, INDEX)),
    Fault(
        "sides-of-two-splits",
        TRAIN,
        ("bin/train: xx has 13 sentences, but yy has 60",),
        swapped(INDEX, side("valid", "xx", "idx")),
    ),
    Fault(
        "a-folder-for-words",
        TRAIN,
        (SOURCE, "is a folder: expected a file"),
        a_folder(SOURCE),
        real=True,
    ),
    Fault("a-folder-for-an-index", TRAIN, (INDEX, "is a folder: expected a file"), a_folder(INDEX)),
    Fault("a-loop-for-words", TRAIN, (SOURCE, "is missing"), a_loop(SOURCE)),
    Fault("a-loop-for-an-index", TRAIN, ("train.xx-yy.xx.idx",), a_loop(INDEX)),
    # the older format
    Fault(
        "older-word-0",
        TRAIN,
        (SOURCE, "sentence 1 holds word number -1"),
        older([0, 3, 5], [3, 2], [0, 6, 3, 7, 3]),
    ),
    Fault(
        "older-places",
        TRAIN,
        (INDEX, "sentence 2 begins at 2, but those before it end at 3"),
        older([0, 2, 5], [3, 2], [5, 6, 3, 7, 3]),
    ),
    Fault(
        "older-cut",
        TRAIN,
        (INDEX, "2 sentences that it tells of take"),
        lambda folder: (older([0, 3, 5], [3, 2], [5, 6, 3, 7, 3])(folder), cut(INDEX, 80)(folder)),
    ),
    # text in its place
    Fault(
        "raw-sides",
        f"{TRAIN} --dataset-impl raw",
        ("bin/train: xx has 1 sentences, but yy has 2",),
        raw_text(b"w1\n"),
    ),
    Fault(
        "raw-latin-1",
        f"{TRAIN} --dataset-impl raw",
        ("bin/train.xx-yy.xx: is not UTF-8", "line 2"),
        raw_text(b"w1\n\xe9\n"),
    ),
    Fault(
        "no-text", f"{TRAIN} --dataset-impl raw", ("has no 'train' data, such as train.xx-yy.xx",)
    ),
    Fault(
        "another-format",
        f"{TRAIN} --dataset-impl cached",
        (INDEX, "is of the mmap format, but dataset-impl is cached"),
    ),
    # dictionaries
    *(
        Fault(
            f"dictionary-{name}",
            TRAIN,
            ("bin/dict.xx.txt:3", *says),
            words("bin/dict.xx.txt", line),
        )
        for name, line, says in (
            ("without-count", "word", ("expected '<word> <count>', but found 'word'",)),
            ("text-for-count", "word many", ("expected '<word> <count>'",)),
            ("negative-count", "word -5", ("expected '<word> <count>'",)),
            ("fraction-for-count", "word 1.5", ("expected '<word> <count>'",)),
            ("endless-count", f"word {'9' * 5000}", ("expected '<word> <count>'",)),
            ("without-word", " 5", ("expected '<word> <count>'",)),
            ("empty-line", "", ("expected '<word> <count>'",)),
            ("with-unk", "<unk> 5", ("'<unk>' is one of fairseq's own symbols",)),
            ("with-pad", "<pad> 5", ("'<pad>' is one of fairseq's own symbols",)),
            ("with-end", "</s> 5", ("'</s>' is one of fairseq's own symbols",)),
        )
    ),
    Fault(
        "dictionary-doubled",
        TRAIN,
        ("bin/dict.xx.txt:", "the word", "stands twice"),
        lambda folder: (folder / "bin/dict.xx.txt").write_text(
            (folder / "bin/dict.xx.txt").read_text() + "w1 5\n"
        ),
    ),
    Fault(
        "dictionary-latin-1",
        TRAIN,
        ("bin/dict.xx.txt: is not UTF-8",),
        words("bin/dict.xx.txt", "caf\xe9 5"),
    ),
    Fault(
        "dictionary-with-mark",
        TRAIN,
        ("bin/dict.xx.txt:1", "byte-order mark"),
        lambda folder: (folder / "bin/dict.xx.txt").write_bytes(
            b"\xef\xbb\xbf" + (folder / "bin/dict.xx.txt").read_bytes()
        ),
    ),
    Fault(
        "dictionary-empty",
        TRAIN,
        ("bin/dict.xx.txt: holds no words",),
        holding("bin/dict.xx.txt", b""),
    ),
    Fault("dictionary-gone", TRAIN, ("bin: dict.yy.txt is missing",), gone("bin/dict.yy.txt")),
    Fault(
        "dictionary-shorter",
        TRAIN,
        (SOURCE, "holds word number", "dict.xx.txt has 14 words"),
        holding("bin/dict.xx.txt", b"".join(b"w%d 1\n" % number for number in range(10))),
    ),
    Fault("dictionary-a-folder", TRAIN, ("dict.xx.txt is missing",), a_folder("bin/dict.xx.txt")),
    # the folder and its splits
    Fault("no-such-folder", f"{TRAIN} --data nowhere", ("nowhere: no such data folder",)),
    Fault("a-file-for-the-folder", f"{TRAIN} --data net.pt", ("net.pt: is a file where",)),
    Fault("no-such-second-folder", f"{TRAIN} --data bin:bni", ("bni: no such data folder",)),
    Fault("no-data-in-it", f"{TRAIN} --data .", (".: dict.xx.txt is missing",)),
    Fault(
        "misspelt-split",
        f"{TRAIN} --train-subset trian",
        ("bin: has no 'trian' data", "did you mean 'train'?"),
    ),
    Fault(
        "misspelt-valid",
        f"{TRAIN} --valid-subset valid,vaild",
        ("'vaild'", "did you mean 'valid'?"),
    ),
    Fault(
        "path-for-a-split", f"{TRAIN} --train-subset ../bin/train", ("has no '../bin/train' data",)
    ),
    Fault(
        "unknown-language",
        "generate bin --path net.pt --source-lang xx --target-lang zz",
        ("bin: dict.zz.txt is missing",),
    ),
    Fault(
        "which-languages",
        "generate bin --path net.pt",
        ("bin: holds the pairs aa-bb, xx-yy: give source-lang and target-lang",),
        lambda folder: (folder / "bin/test.aa-bb.aa.txt").touch(),
    ),
    # sentences without room
    Fault(
        "no-room-in-a-batch",
        f"{TRAIN} --max-tokens 5",
        ("bin/valid: sentence", "9 source words", "max-tokens is 5"),
    ),
    Fault(
        "no-room-in-validation",
        f"{TRAIN} --max-tokens-valid 7",
        ("bin/valid: sentence", "max-tokens-valid is 7"),
    ),
    Fault(
        "no-room-in-the-model",
        f"{TRAIN} --max-target-positions 6",
        ("bin/valid: sentence", "target words", "max-target-positions is 6"),
    ),
    Fault("room-for-none", f"{TRAIN} --max-tokens 2", ("bin/train: holds no sentence that",)),
    # the same for translation and search
    Fault(
        "generate-misspelt",
        f"{GENERATE} --gen-subset tset",
        ("'tset'", "did you mean 'test'?"),
    ),
    Fault(
        "generate-cut",
        GENERATE,
        (side("test", "xx", "bin"), "tells of"),
        cut(side("test", "xx", "bin"), 50),
    ),
    Fault(
        "generate-outside",
        GENERATE,
        ("sentence 1 holds word number 511",),
        with_bytes(side("test", "yy", "bin"), 0, b"\xff\1"),
    ),
    Fault(
        "generate-no-room",
        f"{GENERATE} --max-tokens 5",
        ("'test' data: sentence", "max-tokens is 5"),
    ),
    Fault(
        "search-cut",
        SEARCH,
        (side("valid", "yy", "bin"), "has 100 bytes"),
        cut(side("valid", "yy", "bin"), 100),
    ),
    Fault(
        "search-no-room",
        f"{SEARCH} --max-tokens-valid 5",
        ("sentence 1 has 9 source words", "max-tokens is 5"),
    ),
]


@as_tests(FAULTS)
def test_is_refused_in_one_sentence(fault: Fault, good: Path, tmp_path: Path) -> None:
    refused(fault, good, tmp_path)
