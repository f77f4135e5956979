import json
import sys
from pathlib import Path

import pytest

from hat.commands.prepare import main
from hat.errors import ConfigError, DataError
from hat.tasks.binarise import binarise
from hat.tasks.binary_index import binary_digest, check_binary_sides, count_sentences

FAKE = """
# stands in for fairseq-preprocess: one sentence a line, and a dictionary
import struct, sys
from pathlib import Path
words = dict(zip(sys.argv[1::2], sys.argv[2::2]))
folder = Path(words["--destdir"])
source, target = words["--source-lang"], words["--target-lang"]
for language in (source, target):
    folder.joinpath(f"dict.{language}.txt").write_text(f"{words.get('--word', 'a')} 1\\n")
    for split in ("train", "valid", "test"):
        text = Path(f"{words[f'--{split}pref']}.{language}").read_text()
        folder.joinpath(f"text.{split}.{language}").write_text(text)
        count = text.count("\\n") - (split == "valid" and language == words.get("--lose"))
        index = folder / f"{split}.{source}-{target}.{language}.idx"
        index.write_bytes(b"MMIDIDX\\0\\0" + struct.pack("<QBQ", 1, 4, count))
if "--fail" in words:
    print("first", "last words", sep="\\n")
    sys.exit(1)
"""


@pytest.fixture
def program(tmp_path: Path) -> tuple[str, str]:
    path = tmp_path / "fake.py"
    path.write_text(FAKE)
    return sys.executable, str(path)


@pytest.fixture
def text(tmp_path: Path) -> Path:
    folder = tmp_path / "text"
    folder.mkdir()
    for split in ("train", "valid", "test"):
        (folder / f"{split}.en").write_bytes("a\rdog\u2028runs\nb <pad> b\n".encode())
        (folder / f"{split}.de").write_bytes(b"ein Hund\nb")
    return folder


def test_text_is_plain_before_fairseq_reads_it(
    text: Path, tmp_path: Path, program: tuple[str, str]
) -> None:
    done = binarise(text, ("en", "de"), tmp_path / "bin", program=program)
    assert done.sentences == {"train": 2, "valid": 2, "test": 2}
    assert done.words == (5, 5)
    assert (done.changes.lines, done.changes.changed) == (12, 3)
    found = (tmp_path / "bin" / "text.train.en").read_text()
    assert found == "a dog runs\nb <@@ pad> b\n"
    assert not (tmp_path / "bin" / "text").exists() and not (tmp_path / "bin.tmp").exists()


@pytest.mark.parametrize(
    ("change", "flags", "message"),
    [
        ({"test.de": b"a\nb\nc\n"}, (), r"text/test: en has 2 lines, but de has 3$"),
        (
            {"valid.de": b"a\n\xfc\n"},
            (),
            r"valid\.de: is not UTF-8 \(byte 2\): found 0xfc in line 2",
        ),
        ({"train.en": b"", "train.de": b""}, (), r"text/train\.en: holds no word; expected"),
        ({"train.en": None}, (), r"train\.en: cannot be read: No such file"),
        ({"test.de": b" \n\n"}, (), r"text/test\.de: holds no word; expected a sentence a line"),
        ({}, ("--word", "madeupword0000"), r"text/train\.en: no word of it is left in the dict"),
        ({}, ("--lose", "de"), r"valid\.de has 2 lines, but fairseq-preprocess made 1 sentences"),
        ({}, ("--fail", "x"), "fairseq-preprocess failed; its last lines are above"),
    ],
)
def test_what_goes_wrong_leaves_the_old_data(
    text: Path,
    tmp_path: Path,
    program: tuple[str, str],
    change: dict[str, bytes | None],
    flags: tuple[str, ...],
    message: str,
) -> None:
    for name, content in change.items():
        (text / name).unlink()
        if content is not None:
            (text / name).write_bytes(content)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "dict.old.txt").touch()
    with pytest.raises(DataError, match=message):
        binarise(text, ("en", "de"), tmp_path / "bin", flags=flags, program=program)
    assert [path.name for path in (tmp_path / "bin").iterdir()] == ["dict.old.txt"]
    assert not (tmp_path / "bin.tmp").exists()


def test_only_binarised_data_are_replaced(text: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"would be replaced, and the text .*text lies in it"):
        binarise(text, ("en", "de"), tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis").touch()
    with pytest.raises(ConfigError, match="mine: is no folder of binarised data"):
        binarise(text, ("en", "de"), tmp_path / "mine")
    assert (text / "train.en").is_file() and (tmp_path / "mine" / "thesis").is_file()


def test_a_digest_is_of_sentences_and_words_and_of_no_log(tmp_path: Path) -> None:
    def write(name: str, content: str) -> str:
        (tmp_path / name).write_text(content)
        return binary_digest(tmp_path)

    digests = [write("train.en-de.en.bin", "a"), write("dict.en.txt", "a 1\n")]
    assert write("preprocess.log", "at noon") == digests[1]
    digests += [write("train.en-de.en.bin", "b"), write("dict.en.txt", "b 1\n")]
    digests += [write("train.en-de.en.idx", "a")]
    assert len(set(digests)) == 5


def test_sentences_of_both_formats_are_counted(tmp_path: Path) -> None:
    import numpy as np
    import torch

    indexed_dataset = pytest.importorskip("fairseq.data.indexed_dataset")
    for name, kind in (("test.en-de.en", "mmap"), ("test.en-de.de", "cached")):
        builder = indexed_dataset.make_builder(str(tmp_path / f"{name}.bin"), kind, vocab_size=99)
        for _ in range(3):
            builder.add_item(torch.tensor(np.arange(4), dtype=torch.int32))
        builder.finalize(str(tmp_path / f"{name}.idx"))
        assert count_sentences(tmp_path / f"{name}.idx") == 3
    check_binary_sides(tmp_path)
    content = bytearray((tmp_path / "test.en-de.en.idx").read_bytes())
    content[18] = 4
    (tmp_path / "test.en-de.en.idx").write_bytes(content)
    with pytest.raises(DataError, match=r"/test: en has 4 sentences, but de has 3"):
        check_binary_sides(tmp_path)
    (tmp_path / "test.en-de.en.idx").write_bytes(b"MMIDIDX")
    with pytest.raises(DataError, match="is no index of binarised sentences"):
        check_binary_sides(tmp_path)


@pytest.mark.stage
def test_all_programs_see_the_same_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The blanks that parted the programs, through prepare and fairseq itself."""
    blanks = "\t\x0b\x0c\r\x1c\x1d\x1e\x1f\x85\xa0\u2028\u2029\u3000\ufeff\u200b\x00\x01"
    source = [f"ein{blank}Hund rennt" for blank in blanks]
    text = tmp_path / "text"
    (text / "tok").mkdir(parents=True)
    for split in ("train", "valid", "test"):
        (text / "tok" / f"{split}.de").write_bytes("\n".join(source).encode())
        (text / "tok" / f"{split}.en").write_bytes(b"a dog runs\r\n" * len(source))
    languages = ("--source-lang", "de", "--target-lang", "en")
    main(["bpe", *languages, "--text-dir", str(text), "--merges", "60"])
    out = capsys.readouterr().out
    assert out.startswith(f"blanks: {3 * len(source)} of {6 * len(source)} lines changed (U+0000 3")
    assert (text / "bpe" / "test.de").read_text() == "ein Hund rennt\n" * len(source)
    binary = tmp_path / "bin"
    main(
        [
            *("binarise", *languages, "--text-dir", str(text / "bpe"), "--workers", "3"),
            *("--binary-dir", str(binary), "--joined-dictionary"),
        ]
    )
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["sentences"] == dict.fromkeys(("train", "valid", "test"), len(source))
    assert result["text"]["changed"] == 0
    listed = {line.split()[0] for line in (binary / "dict.de.txt").read_text().splitlines()}
    assert {word for word in listed if not word.startswith("madeupword")} == {
        *("ein", "Hund", "rennt", "a", "dog", "runs")
    }
    assert f"|data:{binary_digest(binary)}|" in result["signature"]
    assert result["src_vocab_size"] == 4 + len(listed)
