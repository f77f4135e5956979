import json
from pathlib import Path

import pytest

from hat.commands.prepare import main
from hat.errors import DataError
from hat.tasks.corpus import Parallel
from hat.tasks.prepare import prepare_corpus
from hat.text.lines import read_lines, write_lines
from tests.commands.conftest import last_line


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> dict[str, object]:
    main(list(argv))
    return last_line(capsys.readouterr().out)


SMALL = ("--train", "200", "--valid", "10", "--test", "20", "--merges", "60")
NUMBERS = ("numbers", "--source-lang", "en", "--target-lang", "de", *SMALL)


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_numbers_are_the_same_for_the_same_seed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        result = run(capsys, *NUMBERS, "--seed", seed, "--text-dir", str(tmp_path / name))
    assert files(tmp_path / "a") == files(tmp_path / "b") != files(tmp_path / "c")
    assert result["signature"].startswith("task:numbers.en-de.12digits|bpe:60|seed:2|hat:")  # type: ignore[attr-defined]
    assert len(read_lines(tmp_path / "a" / "bpe" / "test.de")) == 20
    assert any("@@" in line for line in read_lines(tmp_path / "a" / "bpe" / "train.de"))


def test_multi30k_keeps_case_and_the_raw_references(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("train", "val", "test_2016_flickr"):
        write_lines(tmp_path / f"{name}.en", ["A man's hat, it's red & blue."] * 2)
        write_lines(tmp_path / f"{name}.de", ["Ein „roter“ Hut, z.B. mit Hut-Band."] * 2)
    out = tmp_path / "text"
    run(capsys, "multi30k", "--raw-dir", str(tmp_path), "--text-dir", str(out), "--merges", "5")
    assert read_lines(out / "tok" / "test.en")[0] == "A man 's hat , it 's red & blue ."
    assert read_lines(out / "tok" / "test.de")[0] == 'Ein " roter " Hut , z.B. mit Hut-Band .'
    assert read_lines(out / "raw" / "test.de")[0] == "Ein „roter“ Hut, z.B. mit Hut-Band."


def test_bpe_of_a_tokenised_corpus(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for split in ("train", "valid", "test"):
        write_lines(tmp_path / "tok" / f"{split}.de", ["ein Haus , ein Hausboot"] * 2)
        write_lines(tmp_path / "tok" / f"{split}.en", ["a house , a houseboat"] * 2)
    options = ("--source-lang", "de", "--target-lang", "en", "--merges", "8")
    run(capsys, "bpe", *options, "--text-dir", str(tmp_path))
    assert "@@" in read_lines(tmp_path / "bpe" / "test.en")[0]


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ((*NUMBERS, "--merges", "0"), "merges must be at least 1, but found 0"),
        ((*NUMBERS, "--valid", "0"), "valid must be at least 1, but found 0"),
        (("multi30k", "--raw-dir", "nowhere"), "nowhere: neither train.en.gz nor train.en"),
        (("bpe", "--source-lang", "a", "--target-lang", "b"), "train.a: cannot be read"),
    ],
)
def test_wrong_input_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], argv: tuple[str, ...], message: str
) -> None:
    with pytest.raises(SystemExit) as exit_info:
        main([*argv, "--text-dir", str(tmp_path)])
    assert exit_info.value.code == 2
    assert message in capsys.readouterr().err
    assert not files(tmp_path)


def write_raw(folder: Path, english: str, german: str) -> None:
    for name in ("train", "val", "test_2016_flickr"):
        (folder / f"{name}.en").write_bytes(english.encode())
        (folder / f"{name}.de").write_bytes(german.encode())


def test_multi30k_counts_what_the_rule_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_raw(tmp_path, "A\x00man.\r\nTwo\x85dogs", "Ein\rMann.\nZwei\u2028Hunde\n")
    out = tmp_path / "text"
    main(["multi30k", "--raw-dir", str(tmp_path), "--text-dir", str(out), "--merges", "1"])
    first, *_, last = capsys.readouterr().out.splitlines()
    assert first == (
        "blanks: 12 of 12 lines changed (U+0000 3, U+000D 3, U+0085 3, U+2028 3, CR LF ends 3)"
    )
    assert json.loads(last)["text"]["changed"] == 12
    assert read_lines(out / "raw" / "test.en") == ["A man.", "Two dogs"]
    assert read_lines(out / "tok" / "test.en") == ["A man .", "Two dogs"]
    assert read_lines(out / "tok" / "test.de") == ["Ein Mann .", "Zwei Hunde"]


@pytest.mark.parametrize(
    ("english", "german", "message"),
    [
        ("a\nb\n", "a\rb\n", "train: en has 2 lines, but de has 1"),
        ("a\u2028b\n", "a\n\n", "train: en has 1 lines, but de has 2"),
    ],
)
def test_unequal_sides_are_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], english: str, german: str, message: str
) -> None:
    write_raw(tmp_path, english, german)
    with pytest.raises(SystemExit) as exit_info:
        main(["multi30k", "--raw-dir", str(tmp_path), "--text-dir", str(tmp_path / "text")])
    assert exit_info.value.code == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "text").exists()


def test_a_step_that_loses_a_line_is_refused(tmp_path: Path) -> None:
    raw = {split: Parallel(("a", "b"), ("c", "d")) for split in ("train", "valid", "test")}
    with pytest.raises(DataError, match=r"train\.en: tokenising made 1 lines of 2"):
        prepare_corpus(
            raw,
            ("en", "de"),
            tmp_path,
            tokenise=lambda lines, _: list(lines[:1]),
            num_merges=1,
        )
    assert not files(tmp_path)


def test_lines_copies_files_under_the_rule(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a").write_bytes("\ufeffA\x00man\rruns\n\u2028".encode())
    (tmp_path / "b").write_bytes(b"last")
    main(["lines", str(tmp_path / "a"), str(tmp_path / "b")])
    captured = capfd.readouterr()
    assert captured.out == "A man runs\n\nlast\n"
    assert captured.err.startswith("blanks: 2 of 3 lines changed (U+0000 1, U+000D 1, U+2028 1")
