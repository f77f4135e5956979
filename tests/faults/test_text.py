"""Text that cannot be learned from, and codes that are none, whichever program applies them."""

import gzip
from pathlib import Path

import pytest

from hat.errors import DataError
from hat.tasks.bpe import BpeEncoder
from tests.export.conftest import Task
from tests.faults.fault import Fault, Spoil, as_tests, refused

MOSES = "prepare corpus --text-dir text --data out --source-lang xx --target-lang yy"
CORPUS = f"{MOSES} --tokeniser moses"
SCORE = "score --sys sys.txt --ref ref.txt"
SUFFIXES = [
    f"{split}.{language}" for split in ("train", "valid", "test") for language in ("xx", "yy")
]


def text(**spoiled: bytes) -> Spoil:
    """A corpus of three pairs; names have an underscore for the point."""

    def spoil(folder: Path) -> None:
        (folder / "text/raw").mkdir(parents=True)
        for name in SUFFIXES:
            content = spoiled.get(name.replace(".", "_"), b"one two\nthree four\nfive six\n")
            (folder / "text/raw" / name).write_bytes(content)

    return spoil


def one_letter_words(folder: Path) -> None:
    text(**{name.replace(".", "_"): b"a b c\nd e\nf\n" for name in SUFFIXES})(folder)


def without(name: str) -> Spoil:
    def spoil(folder: Path) -> None:
        text()(folder)
        (folder / "text/raw" / name).unlink()

    return spoil


def sides(sys: bytes, ref: bytes) -> Spoil:
    def spoil(folder: Path) -> None:
        (folder / "sys.txt").write_bytes(sys)
        (folder / "ref.txt").write_bytes(ref)

    return spoil


def damaged_gzip(folder: Path) -> None:
    content = bytearray(gzip.compress(b"one two three\n" * 100))
    content[-6] ^= 255  # of its checksum
    (folder / "sys.gz").write_bytes(content)
    (folder / "ref.txt").write_bytes(b"a\n")


FAULTS = [
    Fault("one-letter-words", CORPUS, ("no word has two characters",), one_letter_words),
    Fault(
        "no-text",
        CORPUS,
        ("text/raw/train.xx: holds no word",),
        text(train_xx=b"\n", train_yy=b"\n"),
    ),
    Fault("no-lines", CORPUS, ("text/raw/test.xx: holds no word",), text(test_xx=b"", test_yy=b"")),
    Fault("blank", MOSES, ("text/raw/valid.yy: holds no word",), text(valid_yy=b"\n \n\n")),
    Fault(
        "data-is-raw",
        f"{CORPUS} --data text/raw",
        ("text/raw: is no folder of binarised data, so it is not replaced",),
        text(),
    ),
    Fault(
        "data-is-of-units",
        f"{CORPUS} --data text/bpe",
        ("text/bpe: would be replaced, and the text text/bpe lies in it",),
        text(),
    ),
    Fault(
        "uneven", CORPUS, ("text/raw/train: xx has 1 lines, but yy has 3",), text(train_xx=b"a b\n")
    ),
    Fault(
        "latin-1",
        CORPUS,
        ("text/raw/test.yy: is not UTF-8", "0xe9 in line 2"),
        text(test_yy=b"a\n\xe9\nb\n"),
    ),
    Fault(
        "utf-16",
        CORPUS,
        ("text/raw/valid.xx: is not UTF-8",),
        text(valid_xx="a\nb\nc\n".encode("utf-16")),
    ),
    Fault("no-file", CORPUS, ("text/raw/valid.yy", "No such file"), without("valid.yy")),
    Fault("no-folder", CORPUS, ("text/raw/train.xx", "No such file")),
    Fault("few-pieces", f"{MOSES} --vocabulary 10", ("10 pieces are too few",), text()),
    Fault(
        "no-merges",
        f"{CORPUS} --vocabulary 0",
        ("vocabulary must be at least 10, but found 0",),
        text(),
    ),
    Fault(
        "no-workers", f"{CORPUS} --workers 0", ("workers must be at least 1, but found 0",), text()
    ),
    Fault("score-uneven", SCORE, ("1 translation, but 2 references",), sides(b"a\n", b"a\nb\n")),
    Fault("score-nothing", SCORE, ("holds no translations",), sides(b"", b"")),
    Fault("score-latin-1", SCORE, ("sys.txt: is not UTF-8",), sides(b"\xe9\n", b"a\n")),
    Fault(
        "score-gzip",
        "score --sys sys.gz --ref ref.txt",
        ("sys.gz: is not a complete gzip file",),
        damaged_gzip,
    ),
    Fault("score-a-folder", "score --sys bin --ref bin", ("bin: is a folder: expected a file",)),
]


@as_tests(FAULTS)
def test_is_refused_in_one_sentence(fault: Fault, good: Path, tmp_path: Path) -> None:
    refused(fault, good, tmp_path)


CODES = {
    "empty": (b"", ":1: expected the two units of a BPE merge, but found ''"),
    "one-unit": (b"#version: 0.2\na b\nc\n", ":3: expected the two units of a BPE merge"),
    "four-units": (b"#version: 0.2\na b c d\n", ":2: expected the two units"),
    "a-text-for-a-count": (b"a b c\n", ":1: expected the two units"),
    "an-empty-line": (b"#version: 0.2\na b\n\nc d\n", ":3: expected the two units"),
    "carriage-returns": (b"#version: 0.2\r\na b\r\n", ":1: expected '#version: 0.2'"),
    "tabs": (b"a\tb\n", ":1: expected the two units"),
    "another-version": (b"#version: 9\na b\n", ":1: expected '#version: 0.2'"),
    "latin-1": (b"#version: 0.2\n\xe9 b\n", ": is not UTF-8 (byte 14)"),
    "garbage": (bytes(range(256)), ": is not UTF-8 (byte 128)"),
    "prose": (b"It was a dark and stormy night.\n", ":1: expected the two units"),
}


@pytest.mark.parametrize("program", ["fastBPE", "subword-nmt"])
@pytest.mark.parametrize("name", CODES)
def test_codes_are_the_same_to_both_programs(name: str, program: str, tmp_path: Path) -> None:
    content, message = CODES[name]
    (tmp_path / "codes").write_bytes(content)
    with pytest.raises(DataError) as refusal:
        BpeEncoder(tmp_path / "codes", program)
    assert str(refusal.value).startswith(f"{tmp_path / 'codes'}{message}")


@pytest.mark.parametrize("program", ["fastBPE", "subword-nmt"])
def test_no_text_is_lost(program: str, task: Task) -> None:
    """Control characters part words, and fairseq's symbols are words like others."""
    encoder = BpeEncoder(task.codes, program)
    lines = ["A\x01man\x7f sees <pad> and </s>", "<unk> <s>", "\u2028x\x85y\tz\u200b"]
    units = encoder.encode(lines)
    assert [encoder.join(line) for line in units] == [
        "A man sees <pad> and </s>",
        "<unk> <s>",
        "x y z",
    ]
    assert not {"<pad>", "</s>", "<unk>", "<s>"} & {unit for line in units for unit in line.split()}
