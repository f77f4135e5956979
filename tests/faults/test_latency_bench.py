"""``hat latency bench``: datasets that cannot be compared, figures that nobody can have kept."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hat.latency.metrics import Metrics
from hat.studies.latency_bench import BenchRow
from hat.version import __version__
from tests.faults.documents import field, put, remake
from tests.faults.fault import Fault, Spoil, as_tests, refused, run_here

CSV, KEPT = "latency.csv", "kept.jsonl"
BENCH = f"latency bench {CSV} --seeds 1 --without-mlp"
RESUME = f"{BENCH} --resume {KEPT}"
FIT = f"latency-predictor --configs=predictor.yml --lat-dataset-path {CSV} --ckpt-path new.pt"
TIME, MEMORY, ENERGY = 21, 22, 23
"""Columns."""


def bench(name: str, spoil: Spoil, *says: str, words: str = BENCH) -> Fault:
    return Fault(name, words, says, spoil)


def kept(part: str | None = None, **values: Any) -> Spoil:
    """Leaves a file of one figure, with other values in it or in one of its parts."""
    metrics = Metrics(4, 0.2, 1.8, 1.0, 90.0)
    row = BenchRow("auto", 32, 0, metrics, metrics, 0.1).to_dict()
    content = {"digest": "0" * 16, "hat": __version__, **row}
    (content if part is None else content[part]).update(values)

    def spoil(world: Path) -> None:
        (world / KEPT).write_text(json.dumps(content) + "\n")

    return spoil


def twice(content: bytes) -> bytes:
    """All rows of a table and all of them again."""
    return content + content.split(b"\n", 1)[1]


def first(count: int) -> Callable[[bytes], bytes]:
    return lambda content: b"".join(content.splitlines(keepends=True)[: count + 1])


def beside(name: str) -> Spoil:
    """A link to the dataset, under another name."""

    def spoil(world: Path) -> None:
        (world / name).parent.mkdir(exist_ok=True)
        (world / name).symlink_to(world / CSV)

    return spoil


A_FIGURE = f"{KEPT}:1: is not what an earlier benchmark wrote"

FAULTS = [
    bench("few-rows", remake(CSV, first(39)), f"{CSV}: 39 rows are too few", "at least 40"),
    bench("rows-twice", remake(CSV, twice), f"{CSV}:42: holds the same measurement as {CSV}:2"),
    bench("fit-of-rows-twice", remake(CSV, twice), f"{CSV}:42: holds the same measure", words=FIT),
    bench("time-of-ages", field(CSV, TIME, "1e308"), f"{CSV}:2: measured_at", "at most"),
    bench("memory-beyond-all", field(CSV, MEMORY, "1e308"), f"{CSV}:2: peak_mem", "at most"),
    bench("energy-beyond-all", field(CSV, ENERGY, "1e308"), f"{CSV}:2: energy_mj", "at most"),
    bench(
        "a-million-columns",
        remake(CSV, lambda content: b",".join(b"c%d" % i for i in range(10**6)) + b"\n" + content),
        f"{CSV}:1: has no column 'encoder_embed_dim'",
    ),
    bench(
        "the-same-by-two-names",
        beside("b.csv"),
        f"b.csv: holds the same dataset as {CSV}: give each once",
        words=BENCH.replace(CSV, f"{CSV} b.csv"),
    ),
    bench("kept-nothing", put(KEPT, "{}\n"), f"{A_FIGURE}: has no 'digest'", words=RESUME),
    bench("kept-no-version", put(KEPT, '{"digest": "0"}\n'), "has no 'hat'", words=RESUME),
    *(
        bench(f"kept-{name}", kept(part, **{name: value}), A_FIGURE, *says, words=RESUME)
        for part, name, value, says in (
            (None, "digest", [1], ("'digest' must be a text",)),
            (None, "method", 3, ("'method' must be a text, but found 3",)),
            (None, "train_rows", 0, ("'train_rows' must be a whole number from 1",)),
            (None, "seed", "0", ("'seed' must be a whole number, but found '0'",)),
            (None, "fit_seconds", None, ("'fit_seconds' must be a number",)),
            (None, "everything", [], ("'everything' must be a JSON object",)),
            ("everything", "rows", -1, (": everything: 'rows' must be a whole number from 0",)),
            ("everything", "rmse_ms", "x", (": everything: 'rmse_ms' must be a number",)),
            ("unshifted", "mape_percent", -5, (": unshifted: 'mape_percent' must be 0 or more",)),
            ("unshifted", "kendall_tau", 7, ("'kendall_tau' must be 1 or less, but found 7",)),
            ("unshifted", "coverage_percent", 150, ("must be 100 or less, but found 150",)),
        )
    ),
]


@as_tests(FAULTS)
def test_is_refused_in_one_sentence(fault: Fault, good: Path, tmp_path: Path) -> None:
    refused(fault, good, tmp_path)


def test_datasets_of_one_file_name_keep_their_figures_apart(good_copy: Path) -> None:
    other = good_copy / "other" / CSV
    other.parent.mkdir()
    rows = (good_copy / CSV).read_bytes().splitlines(keepends=True)
    other.write_bytes(b"".join([rows[0], *rows[:0:-1]]))
    ended = run_here(BENCH.replace(CSV, f"{CSV} other/{CSV}").split(), good_copy)
    assert ended.code == 0, ended.err
    assert set(json.loads(ended.out.splitlines()[-1])["bench"]) == {CSV, f"other/{CSV}"}


@pytest.mark.filterwarnings("error")
def test_it_goes_on_with_figures_that_are_right(good_copy: Path) -> None:
    ended = [run_here(RESUME.split(), good_copy) for _ in range(2)]
    assert [each.code for each in ended] == [0, 0], ended[1].err
    assert ended[0].out == ended[1].out
