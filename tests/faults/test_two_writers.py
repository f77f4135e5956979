"""Commands whose output another process is writing: refused by its name and id, nothing touched."""

import os
from pathlib import Path

import pytest

from hat.locks import locked
from tests.faults.fault import contents, run_here

FIT = "latency-predictor --configs=predictor.yml --lat-dataset-path latency.csv --ckpt-path new.pt"
NUMBERS = (
    "prepare numbers --source-lang en --target-lang fr --text-dir text --train 50 --valid 5 "
    "--test 5 --merges 10"
)
SEARCH = (
    "nasbench-search nasbench101:tables/sample_1k.jsonl.gz --algorithm random --budget 1e4 "
    "--seeds 1 --out-dir out"
)
BENCH = "latency bench latency.csv --seeds 1 --without-mlp --resume kept.jsonl"

COMMANDS = {
    "out": "export numbers.pt numbers.yml out --data numbers_en_fr --bpe-codes codes",
    "mean.pt": "average-checkpoints --inputs checkpoints --num-epoch-checkpoints 3 "
    "--output mean.pt",
    "new.pt": FIT,
    "kept.jsonl": BENCH,
    "out/report.md": SEARCH,
    "out.h5": "nasbench convert tables/format_sample.tfrecord out.h5 --quiet",
    "text": NUMBERS,
    "mine": "new mine --train pairs.en pairs.fr --source en --target fr --device cpu",
    "own.csv": "latency-dataset --configs=space.yml --configs=latency.yml "
    "--lat-dataset-path own.csv",
}
"""What is written by which command."""


@pytest.mark.parametrize("output", COMMANDS)
def test_the_second_is_refused(output: str, good_copy: Path) -> None:
    with locked(good_copy / output):
        before = contents(good_copy)
        ended = run_here(COMMANDS[output].split(), good_copy)
        assert contents(good_copy) == before
    assert ended.code == 2, ended.err
    (sentence,) = [line for line in ended.err.splitlines() if "error: " in line]
    assert f"{output}: process {os.getpid()} (" in sentence
    assert "has been writing here since" in sentence
