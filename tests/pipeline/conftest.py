"""A pipeline with a stand-in for hat: it notes how it was called, and writes what it should."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from hat.cli.check import check_commands
from hat.commands.pipeline import main
from hat.pipeline import checking, commands
from tests.faults.fault import same_logging

ROOT = Path(__file__).resolve().parents[2]

FAKE_HAT = """
echo "$@" >> calls
command="$1"
bleu=30.0 rows= limit=
row='"latency_ms": 1.5, "error_ms": 0.1, "predicted_ms": 1.4, "predicted_upper_ms": 1.6'
row="{$row, \\"slower_percent\\": ${SLOWER:-0}}"
[ $command != export ] || mkdir -p "$3"
while [ $# -gt 0 ]; do
  case "$1" in
    --save-dir) mkdir -p "$2"; echo "$2" | tee "$2/checkpoint_best.pt" >"$2/checkpoint_last.pt" ;;
    --write-config-path) echo "$2" > "$2" ;;
    --lat-dataset-path) [ $command = latency-predictor ] || echo "$2" > "$2" ;;
    --ckpt-path) [ $command = evo-search ] || echo "$2" > "$2" ;;
    --output) echo "$2" > "$2" ;;
    --latency-constraint) [ "$2" = 1ms ] && limit=1.0 ;;
    *seed2*) bleu=32.0 ;;
    */supertransformer/exp/*) bleu=${INHERITED:-30.0} ;;
    run/*.yml) rows="$rows${rows:+, }\\"$1\\": $row" ;;
    --fail) echo "error: no such thing" >&2; exit 3 ;;
  esac
  shift
done
printf '{"latency_ms": 1.5, "predicted_ms": 1.4, "limit_ms": %s, ' "${limit:-${LIMIT:-2.0}}"
printf '"bleu": %s, "chrf": 50.0, "exact_match": 0.25, "rows": ' $bleu
if [ $command = latency-dataset ]; then printf '12, "signature": "%s"}\\n' $command; exit; fi
printf '{%s}, "signature": "%s"}\\n' "$rows" $command
"""
"""Stands in for hat: notes how it was called, and writes what it should."""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pipeline file in a folder of its own, which is the working one."""
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    (tmp_path / "hat.sh").write_text(FAKE_HAT)
    (tmp_path / "prepare.sh").write_text("mkdir -p data && touch data/dict.txt && echo '{}'\n")
    monkeypatch.setattr(commands, "HAT", ("sh", "hat.sh"))
    # The same answers without the seconds that another process takes to import fairseq.
    monkeypatch.setattr(checking, "wrong_commands", wrong_here)
    monkeypatch.chdir(tmp_path)
    text = Path("configs/numbers.en-fr/pipeline.yml").read_text()
    for key, value in (("preprocess", "prepare.sh"), ("data", "data"), ("run-dir", "run")):
        lines = text.splitlines()
        text = "\n".join(f"{key}: {value}" if x.startswith(f"{key}:") else x for x in lines)
    (tmp_path / "pipeline.yml").write_text(text + "\n")
    return tmp_path / "pipeline.yml"


def wrong_here(asked: Mapping[str, Sequence[str]]) -> dict[str, str]:
    with same_logging():
        return check_commands(asked)


def calls() -> list[str]:
    return Path("calls").read_text().splitlines()


def run(argv: Sequence[str]) -> int:
    try:
        main(argv)
    except SystemExit as end:
        return int(end.code or 0)
    return 0
