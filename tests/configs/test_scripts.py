"""The shell scripts call what they promise, and say what is wrong with their arguments."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hat.commands.pipeline import main

ROOT = Path(__file__).resolve().parents[2]
NUMBERS = "configs/numbers.en-fr"

FAKE_PYTHON = """#!/usr/bin/env bash
# stands in for Python: notes how it was called
echo "$@" >> "$CALLS"
"""


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    fake = tmp_path / "python"
    fake.write_text(FAKE_PYTHON)
    fake.chmod(0o755)
    return tmp_path / "calls"


def run(script: str, *argv: str, calls: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Runs a script from another folder than the repository's root."""
    environment = {**os.environ, "PYTHON": str(calls.parent / "python"), "CALLS": str(calls), **env}
    return subprocess.run(
        ["bash", str(ROOT / script), *argv],
        cwd=calls.parent,
        env=environment,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    ("script", "argv", "message"),
    [
        (f"{NUMBERS}/preprocess.sh", ("x",), "the seed is a whole number, not x"),
        (f"{NUMBERS}/preprocess.sh", ("1", "2"), "expected at most one argument"),
        (f"{NUMBERS}/test.sh", (), "expected a checkpoint and a SubTransformer's YAML file"),
        (f"{NUMBERS}/test.sh", ("no.pt", "no.yml"), "checkpoint not found: no.pt"),
        (f"{NUMBERS}/test.sh", ("python", "no.yml"), "SubTransformer file not found: no.yml"),
        (
            f"{NUMBERS}/test.sh",
            ("python", "python", "ter"),
            "the metric is normal or sacre, not ter",
        ),
        (
            f"{NUMBERS}/test.sh",
            ("python", "python", "sacre", "cuda:0"),
            "the gpu is a number or cpu, not cuda:0",
        ),
        (
            f"{NUMBERS}/test.sh",
            ("python", "python", "sacre", "0", "dev"),
            "the subset is valid or test, not dev",
        ),
        (
            f"{NUMBERS}/latency_dataset.sh",
            ("tpu",),
            f"there is no {NUMBERS}/latency_dataset/tpu.yml",
        ),
        (f"{NUMBERS}/train_subtransformer.sh", ("no.yml",), "SubTransformer file not found"),
        ("configs/multi30k.en-de/preprocess.sh", ("nowhere",), "folder not found: nowhere"),
        ("configs/wmt14.en-de/preprocess.sh", ("no.tgz",), "archive not found: no.tgz"),
        ("configs/wmt14.en-de/get_preprocessed.sh", ("x",), "expected no argument, but found x"),
    ],
)
def test_wrong_arguments_show_the_usage(
    script: str, argv: tuple[str, ...], message: str, calls: Path
) -> None:
    result = run(script, *argv, calls=calls)
    assert result.returncode == 2
    assert result.stderr.splitlines()[0].startswith(f"error: {message}")
    assert result.stderr.splitlines()[1].startswith(f"usage: bash {script}")
    assert not calls.exists()


STAGES = [
    (
        "wmt14.en-de/train_supertransformer.sh --seed 2",
        "train --configs=configs/wmt14.en-de/supertransformer/space0.yml"
        " --save-dir runs/wmt14.en-de/supertransformer --seed 2",
    ),
    (
        "wmt14.en-de/latency_dataset.sh cpu_xeon",
        "latency-dataset --configs=configs/wmt14.en-de/latency_dataset/cpu_xeon.yml"
        " --lat-dataset-path runs/wmt14.en-de/latency_cpu_xeon.csv",
    ),
    (
        "iwslt14.de-en/latency_predictor.sh gpu_titanxp --bsz 2",
        "latency-predictor --configs=configs/iwslt14.de-en/latency_predictor/gpu_titanxp.yml"
        " --lat-dataset-path runs/iwslt14.de-en/latency_gpu_titanxp.csv"
        " --ckpt-path runs/iwslt14.de-en/predictor_gpu_titanxp.pt --bsz 2",
    ),
    (
        "wmt14.en-de/evo_search.sh cpu_xeon --evo-iter 1",
        "evo-search --configs=configs/wmt14.en-de/supertransformer/space0.yml"
        " --evo-configs=configs/wmt14.en-de/evo_search/wmt14ende_xeon.yml"
        " --restore-file runs/wmt14.en-de/supertransformer/checkpoint_best.pt"
        " --ckpt-path runs/wmt14.en-de/predictor_cpu_xeon.pt"
        " --write-config-path runs/wmt14.en-de/best_cpu_xeon.yml --evo-iter 1",
    ),
    (
        "multi30k.en-de/train_supertransformer.sh gpu --max-update 5",
        "train --configs=configs/multi30k.en-de/supertransformer/space_gpu.yml"
        " --save-dir runs/multi30k.en-de/supertransformer_gpu --max-update 5",
    ),
    (
        "wmt19.en-de/train_subtransformer.sh",
        "train --configs=runs/wmt19.en-de/best_gpu_titanxp.yml"
        " --sub-configs=configs/wmt19.en-de/subtransformer/common.yml"
        " --save-dir runs/wmt19.en-de/subtransformer_gpu_titanxp",
    ),
    (
        "numbers.en-fr/train_subtransformer.sh sub.yml --cpu",
        "train --configs={here}/sub.yml --sub-configs={numbers}/subtransformer/common.yml"
        " --save-dir runs/numbers.en-fr/subtransformer --cpu",
    ),
    (
        "multi30k.en-de/train_subtransformer.sh gpu sub.yml",
        "train --configs={here}/sub.yml"
        " --sub-configs=configs/multi30k.en-de/subtransformer/common_gpu.yml"
        " --save-dir runs/multi30k.en-de/subtransformer_gpu",
    ),
    (
        "multi30k.en-de/test.sh c.pt sub.yml sacre cpu valid",
        "generate --configs={here}/sub.yml"
        " --sub-configs=configs/multi30k.en-de/subtransformer/common_cpu.yml --path {here}/c.pt"
        " --gen-subset valid --batch-size 128 --remove-bpe --beam 5 --lenpen 0.6 --cpu",
        "score {here}/exp/sub.yml_valid_gen.out --metric sacre --target-lang de",
    ),
    (
        "wmt14.en-fr/test.sh c.pt sub.yml",
        "generate --configs={here}/sub.yml"
        " --sub-configs=configs/wmt14.en-fr/subtransformer/common.yml --path {here}/c.pt"
        " --gen-subset test --batch-size 128 --remove-bpe --beam 4 --lenpen 0.6",
        "score {here}/exp/sub.yml_test_gen.out --metric normal --target-lang fr",
    ),
]
"""A script and its arguments -> the commands behind the step of the pipeline that it calls."""


@pytest.mark.parametrize("case", STAGES, ids=lambda case: case[0].split()[0])
def test_stage_scripts_run_a_step_of_their_pipeline(
    case: tuple[str, ...],
    calls: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("sub.yml", "c.pt"):
        (calls.parent / name).touch()
    name, *argv = case[0].split()
    assert run(f"configs/{name}", *argv, calls=calls).returncode == 0
    assert commands(calls, capsys, monkeypatch) == [
        f"python -m hat.cli {line.format(here=calls.parent, numbers=NUMBERS)}" for line in case[1:]
    ]


def commands(
    calls: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """What a call of ``hat pipeline`` would run where there is no data yet."""
    monkeypatch.chdir(calls.parent)
    Path("configs").symlink_to(ROOT / "configs")
    (call,) = calls.read_text().splitlines()
    words = call.split()
    assert words[:3] == ["-m", "hat.cli", "pipeline"]
    main([*words[3:4], "--dry-run", *words[4:]])
    return [line[2:] for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]


def test_the_environment_names_other_settings_of_subtransformers(
    calls: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("sub.yml", "c.pt"):
        (calls.parent / name).touch()
    common = "subtransformer/common_gpu.yml"
    run("configs/multi30k.en-de/test.sh", "c.pt", "sub.yml", calls=calls, COMMON=common)
    found = commands(calls, capsys, monkeypatch)
    assert f"--sub-configs=configs/multi30k.en-de/{common} " in found[0]


FAKE_PERL = """#!/usr/bin/env bash
# stands in for Moses: tokenising and lower case change nothing, cleaning copies
case "$1" in
  *clean-corpus-n.perl) for side in "$5" "$6"; do cp "$4.$side" "$7.$side"; done ;;
  *) cat ;;
esac
"""

REAL_PYTHON = """#!/usr/bin/env bash
# everything but fairseq-preprocess
case " $* " in *" prepare binarise "*) echo "$@" >> "$CALLS"; exit ;; esac
exec "$REAL" "$@"
"""


@pytest.fixture
def iwslt(tmp_path: Path) -> Path:
    """A copy of IWSLT14's preprocess.sh with Moses in place; its corpus lies in ``repo/corpus``."""
    task = tmp_path / "repo" / "configs" / "iwslt14.de-en"
    task.mkdir(parents=True)
    for name in ("common.sh", "iwslt14.de-en/preprocess.sh"):
        (task.parent / name).write_bytes((ROOT / "configs" / name).read_bytes())
    (tmp_path / "repo" / "data" / "tools" / "mosesdecoder-RELEASE-4.0" / "scripts").mkdir(
        parents=True
    )
    for name, text in (("perl", FAKE_PERL), ("python", REAL_PYTHON)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    corpus = tmp_path / "corpus" / "de-en"
    corpus.mkdir(parents=True)
    for language, line in (("de", "ein\u2028Hund\rrennt \0laut"), ("en", "a dog runs loudly")):
        tags = "<url>x</url>\n<title>Hund</title>\n"
        (corpus / f"train.tags.de-en.{language}").write_text(tags + f"{line}\n" * 23, newline="")
        for name in ("TED.dev2010", "TEDX.dev2012", "TED.tst2010", "TED.tst2011", "TED.tst2012"):
            file = corpus / f"IWSLT14.{name}.de-en.{language}.xml"
            file.write_text(f'<seg id="1"> {line} </seg>\r\n', newline="")
    return task / "preprocess.sh"


def preprocess(script: Path, tmp_path: Path, calls: Path) -> subprocess.CompletedProcess[str]:
    archive = tmp_path / "de-en.tgz"
    subprocess.run(
        ["tar", "-czf", str(archive), "-C", str(tmp_path / "corpus"), "de-en"], check=True
    )
    path = f"{tmp_path}:{os.environ['PATH']}"
    env = {"PATH": path, "REAL": sys.executable, "PYTHONPATH": str(ROOT)}
    return run(str(script), str(archive), calls=calls, **env)


@pytest.mark.stage
def test_text_is_plain_before_moses_sees_it(iwslt: Path, tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    result = preprocess(iwslt, tmp_path, calls)
    assert result.returncode == 0, result.stderr
    assert "blanks: 23 of 25 lines changed (U+0000 23, U+000D 23, U+2028 23" in result.stderr
    tokens = tmp_path / "repo" / "data" / "text" / "iwslt14_de_en" / "tok"
    assert (tokens / "train.de").read_text() == "Hund\n" + "ein Hund rennt laut\n" * 22
    assert (tokens / "valid.en").read_text() == "a dog runs loudly\n"
    assert (tokens / "test.de").read_text() == "ein Hund rennt laut\n" * 5
    assert "prepare binarise --source-lang de --target-lang en" in calls.read_text()


@pytest.mark.stage
def test_unequal_sides_stop_a_script(iwslt: Path, tmp_path: Path) -> None:
    with open(tmp_path / "corpus" / "de-en" / "train.tags.de-en.en", "a") as stream:
        stream.write("one more")
    result = preprocess(iwslt, tmp_path, tmp_path / "calls")
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1].startswith("error: after unpacking, ")
    assert "train.tags.de-en.de has 25 lines, but" in result.stderr
    assert result.stderr.rstrip().endswith("train.tags.de-en.en has 26")
    assert not (tmp_path / "calls").exists()
