import json
from pathlib import Path

import pytest

from hat.commands.score import main
from tests.commands.conftest import last_line

LOG = (
    "S-0\tx\nT-0\tDer Hut des Mannes ist nicht ro@@ t .\nH-0\t-1\tDer Hut des Mannes ist ro@@ t .\n"
    "S-1\ty\nT-1\tEin Stadt-Park , wie schön !\nH-1\t-1\tEin Stadt-Park , wie schön !\n"
)


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> dict[str, object]:
    main(list(argv))
    return last_line(capsys.readouterr().out)


@pytest.fixture
def log(tmp_path: Path) -> str:
    path = tmp_path / "gen.out"
    path.write_text(LOG, encoding="utf-8")
    return str(path)


def test_removes_bpe_and_counts(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    with_bpe = run(capsys, log)
    without = run(capsys, log, "--remove-bpe")
    assert with_bpe["sentences"] == without["sentences"] == 2
    assert without["exact_match"] == 0.5
    assert with_bpe["bleu"] != without["bleu"]


def test_sacre_detokenises_the_log_and_takes_raw_references(
    log: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = tmp_path / "raw.de"
    raw.write_text("Der Hut des Mannes ist nicht rot.\nEin Stadt-Park, wie schön!\n")
    options = (log, "--remove-bpe", "--metric", "sacre", "--target-lang", "de")
    from_log = run(capsys, *options)
    from_file = run(capsys, *options, "--reference", str(raw))
    assert from_log == from_file
    assert from_file["exact_match"] == 0.5


def test_two_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("sys", "ref"):
        (tmp_path / name).write_text("one two three four\n")
    files = ("--sys", str(tmp_path / "sys"), "--ref", str(tmp_path / "ref"))
    assert run(capsys, *files)["bleu"] == 100


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "nothing to score: give a log of generate.py, or --sys and --ref"),
        (["LOG", "--ref", "SHORT"], "2 translations, but 1 reference"),
        (["LOG", "--sys", "SHORT"], "give logs of generate.py or --sys, not both"),
        (["--sys", "SHORT"], "--sys needs --ref with the references"),
        (["absent.out"], "absent.out: cannot be read"),
    ],
)
def test_wrong_input_is_one_sentence_and_exit_code_2(
    log: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    argv: list[str],
    message: str,
) -> None:
    short = tmp_path / "short"
    short.write_text("only one\n")
    names = {"LOG": log, "SHORT": str(short)}
    with pytest.raises(SystemExit) as exit_info:
        main([names.get(word, word) for word in argv])
    assert exit_info.value.code == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


def test_blanks_are_the_same_on_both_sides(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "sys").write_bytes("one two\u2028three four\r\nfive  six\x85seven eight".encode())
    (tmp_path / "ref").write_bytes(b"one two three four\nfive six seven eight\n")
    for metric in ("normal", "sacre"):
        files = ("--sys", str(tmp_path / "sys"), "--ref", str(tmp_path / "ref"))
        main([*files, "--metric", metric])
        out = capsys.readouterr().out.splitlines()
        assert out[1].startswith("blanks: 2 of 4 lines changed (U+0085 1, U+2028 1, doubled")
        result = json.loads(out[-1])
        assert (result["bleu"], result["exact_match"], result["sentences"]) == (100, 1, 2)
