"""``train.py`` with the switches that do something other than training."""

import json
from pathlib import Path

import pytest

from hat.commands.profile import main as profile
from hat.commands.train import main
from tests.commands.conftest import last_line
from tests.commands.test_profile import COMMON, SUB


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    (tmp_path / "sub.yml").write_text(SUB)
    (tmp_path / "common.yml").write_text(COMMON)
    return [f"--configs={tmp_path / 'sub.yml'}", f"--sub-configs={tmp_path / 'common.yml'}"]


def test_profile_flops_is_hat_profile_and_leaves_training_flags_alone(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    profile([*files, "--vocab-size=100", "--json"])
    expected = last_line(capsys.readouterr().out)
    main([*files, "--profile-flops", "--vocab-size=100", "--max-update", "9", "--json"])
    out = capsys.readouterr().out
    assert out.count("\n") == 1 and json.loads(out) == expected
    (tmp_path / "common.yml").write_text(f"{COMMON}profile-flops: True\nlatcpu: False\n")
    main([*files, "--vocab-size=100"])
    assert last_line(capsys.readouterr().out) == expected


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--profile-flops", "--max-updates", "9"], "unknown option --max-updates"),
        (["--latcpu", "--latitre", "9"], "unknown option --latitre"),
        (["--profile-flops"], "give --vocab-size"),
    ],
)
def test_wrong_words_are_one_sentence(
    words: list[str], message: str, files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([*files, *words])
    assert message in capsys.readouterr().err


def test_latcpu_measures_what_hat_latency_measure_does(
    files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    from hat.commands.latency import main as latency

    quick = ["--latcpu", "--latiter=1", "--lat-warmup=0", "--lat-src-len=2", "--vocab-size=20"]
    words = [*files, *quick, "--lat-threads=1", "--save-dir", "x"]
    found = []
    main(words)
    found.append(last_line(capsys.readouterr().out))
    latency(["measure", *words, "--seed", "3"])
    found.append(last_line(capsys.readouterr().out))
    assert found[0]["signature"] == found[1]["signature"]
    assert "workload:cpu-fp32-t1-s2-d2-b1x5" in found[0]["signature"]
    assert all(each["latency_ms"] > 0 for each in found)
