import csv
import itertools

import pytest

from hat.arch.nb201_cell import Nb201Cell
from hat.benchmarks.load import load_benchmark
from hat.commands.nasbench_search import main
from hat.conditions import file_digest
from tests.commands.conftest import last_line
from tests.conftest import MADE_DATA


@pytest.fixture
def table(tmp_path):
    """The 729 cells of three operations; their accuracy counts convolutions."""
    operations = ("none", "skip_connect", "nor_conv_3x3")
    cells = [Nb201Cell(choice) for choice in itertools.product(operations, repeat=6)]
    lines = ["arch,validation_accuracy,training_time,test_accuracy"]
    for index, cell in enumerate(cells):
        quality = sum(op.startswith("nor_conv") for op in cell.operations) / 7 + index / 1e5
        lines.append(f'"{cell}",{quality},{100 + index},{quality - 0.01}')
    path = tmp_path / "cells.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def run(table, tmp_path, *arguments):
    out = tmp_path / "out"
    main([f"csv:{table}", "--out-dir", str(out), *arguments])
    return out


def test_files_and_result(table, tmp_path, capsys):
    arguments = ["--seeds", "2", "--budget", "8000", "--population-size", "10"]
    out = run(table, tmp_path, *arguments, "--algorithm", "random", "--algorithm", "aging")
    result = last_line(capsys.readouterr().out)
    assert set(result["algorithms"]) == {"random", "aging"}
    assert f"benchmark:csv|data:{file_digest(table)}|" in result["signature"]
    rows = list(csv.DictReader((out / "runs.csv").open()))
    assert [(row["algorithm"], row["seed"]) for row in rows] == [
        *(("random", "0"), ("random", "1"), ("aging", "0"), ("aging", "1")),
    ]
    assert (out / "best_so_far.png").stat().st_size > 10_000
    verdict = "- Not enough seeds for a verdict by test_accuracy: "
    assert (out / "report.md").read_text().count(verdict) == 1  # of all but random search


def test_graph_networks_guide_on_a_table(table, tmp_path, capsys):
    arguments = ["--seeds", "1", "--budget", "8000", "--population-size", "10"]
    run(table, tmp_path, *arguments, "--algorithm", "guided-gcn")
    result = last_line(capsys.readouterr().out)
    assert result["algorithms"]["guided-gcn"]["models"] > 10


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--algorithm", "ageing"], "unknown search algorithm 'ageing'; did you mean 'aging'"),
        (["--search-metric", "accuracy"], "--search-metric: cells has no metric 'accuracy'"),
        (["--report-metric", "test_acc"], "did you mean 'test_accuracy'?"),
        (["--time-metric", "seconds"], "give every architecture one price instead"),
        (["--seeds", "0"], "seeds must be at least 1, but found 0"),
        (["--budget", "-5"], "budget must be above 0, but found -5"),
    ],
)
def test_errors_are_one_sentence(table, tmp_path, capsys, arguments, message):
    with pytest.raises(SystemExit) as caught:
        run(table, tmp_path, *arguments)
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_budget_trains_as_many_models_as_their_times_allow(data, tmp_path):
    """The authors' notebook charged 5e8 s for the 248 models it saw; they take about 5e5 s."""
    out, path = tmp_path / "out", data / "nasbench101" / "sample_1k.jsonl.gz"
    budget = 1e5 if data == MADE_DATA else 5e5
    arguments = ["--algorithm", "random", "--seeds", "3", "--budget", str(budget)]
    main([f"nasbench101:{path}", "--out-dir", str(out), *arguments])
    models = [int(row["unique_models"]) for row in csv.DictReader((out / "runs.csv").open())]
    table = load_benchmark(f"nasbench101:{path}")
    expected = budget / table.column("training_time").mean()
    assert models == pytest.approx([expected] * 3, rel=0.15)
    assert data == MADE_DATA or all(230 <= count <= 300 for count in models)
