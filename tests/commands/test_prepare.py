import json
from pathlib import Path

import pytest

from hat.commands.prepare import main
from hat.text.lines import read_lines, write_lines


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> dict[str, object]:
    main(list(argv))
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert isinstance(result, dict)
    return result


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
        ((*NUMBERS, "--merges", "0"), "--merges must be at least 1, but found 0"),
        ((*NUMBERS, "--valid", "0"), "--valid must be at least 1, but found 0"),
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
