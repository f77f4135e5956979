"""The shell scripts call what they promise, and say what is wrong with their arguments."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NUMBERS = "configs/numbers.en-fr"

FAKE_PYTHON = """#!/usr/bin/env bash
# stands in for Python: notes how it was called, and translates one sentence
echo "$@" >> "$CALLS"
if [ "$1" = generate.py ]; then
  [ -z "${FAIL:-}" ] || { echo "error: no such thing" >&2; exit 1; }
  printf 'S-0\\tx\\nT-0\\ta b c d\\nH-0\\t-1\\ta b c d\\n'
fi
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


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (
            "configs/wmt14.en-de/train_supertransformer.sh",
            "train.py --configs=configs/wmt14.en-de/supertransformer/space0.yml"
            " --save-dir runs/wmt14.en-de/supertransformer",
        ),
        (
            "configs/wmt14.en-de/latency_dataset.sh cpu_xeon",
            "latency_dataset.py --configs=configs/wmt14.en-de/latency_dataset/cpu_xeon.yml"
            " --lat-dataset-path runs/wmt14.en-de/latency_cpu_xeon.csv",
        ),
        (
            "configs/wmt14.en-de/evo_search.sh cpu_xeon --evo-iter 1",
            "evo_search.py --configs=configs/wmt14.en-de/supertransformer/space0.yml"
            " --evo-configs=configs/wmt14.en-de/evo_search/wmt14ende_xeon.yml"
            " --restore-file runs/wmt14.en-de/supertransformer/checkpoint_best.pt"
            " --ckpt-path runs/wmt14.en-de/predictor_cpu_xeon.pt"
            " --write-config-path runs/wmt14.en-de/best_cpu_xeon.yml --evo-iter 1",
        ),
        (
            "configs/multi30k.en-de/train_supertransformer.sh gpu --max-update 5",
            "train.py --configs=configs/multi30k.en-de/supertransformer/space_gpu.yml"
            " --save-dir runs/multi30k.en-de/supertransformer_gpu --max-update 5",
        ),
    ],
)
def test_stage_scripts_call_one_command(script: str, expected: str, calls: Path) -> None:
    name, *argv = script.split()
    assert run(name, *argv, calls=calls).returncode == 0
    assert calls.read_text() == f"{expected}\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A copy of the scripts with a data folder in place; returns its test.sh."""
    task = tmp_path / "repo" / "configs" / "multi30k.en-de"
    task.mkdir(parents=True)
    for name in ("common.sh", "multi30k.en-de/test.sh"):
        target = task.parent / name
        target.write_bytes((ROOT / "configs" / name).read_bytes())
    (tmp_path / "repo" / "data" / "binary" / "multi30k_en_de").mkdir(parents=True)
    return task / "test.sh"


def test_translates_and_scores(repository: Path, calls: Path, tmp_path: Path) -> None:
    (tmp_path / "best.yml").touch()
    (tmp_path / "c.pt").touch()
    result = run(str(repository), "c.pt", "best.yml", "sacre", "cpu", "valid", calls=calls)
    assert result.returncode == 0, result.stderr
    log = tmp_path / "exp" / "best.yml_valid_gen.out"
    assert log.read_text().startswith("S-0")
    generate, score = calls.read_text().splitlines()
    assert generate.startswith(f"generate.py --configs={tmp_path}/best.yml --sub-configs=")
    assert generate.endswith("--batch-size 128 --remove-bpe --beam 5 --lenpen 0.6 --cpu")
    assert score == f"-m hat.cli score {log} --metric sacre --target-lang de"

    raw = repository.parents[2] / "data" / "text" / "multi30k_en_de" / "raw" / "valid.de"
    raw.parent.mkdir(parents=True)
    raw.touch()
    run(str(repository), "c.pt", "best.yml", "sacre", "cpu", "valid", calls=calls)
    assert (
        calls.read_text()
        .splitlines()[-1]
        .endswith(f"--reference {raw.relative_to(repository.parents[2])}")
    )


def test_a_failed_translation_leaves_no_log(repository: Path, calls: Path, tmp_path: Path) -> None:
    (tmp_path / "best.yml").touch()
    (tmp_path / "c.pt").touch()
    result = run(str(repository), "c.pt", "best.yml", calls=calls, FAIL="1")
    assert result.returncode == 2
    assert "error: no such thing" in result.stderr
    assert not list((tmp_path / "exp").iterdir())


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
