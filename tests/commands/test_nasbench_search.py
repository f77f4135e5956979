import csv
import itertools
import json

import pytest

from hat.arch.nb201_cell import Nb201Cell
from hat.commands.nasbench_search import main


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
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(result["algorithms"]) == {"random", "aging"}
    assert "benchmark:cells|content:" in result["signature"]
    rows = list(csv.DictReader((out / "runs.csv").open()))
    assert [(row["algorithm"], row["seed"]) for row in rows] == [
        *(("random", "0"), ("random", "1"), ("aging", "0"), ("aging", "1")),
    ]
    assert (out / "best_so_far.png").stat().st_size > 10_000
    assert "orth it" in (out / "report.md").read_text()


def test_graph_networks_guide_on_a_table(table, tmp_path, capsys):
    arguments = ["--seeds", "1", "--budget", "8000", "--population-size", "10"]
    run(table, tmp_path, *arguments, "--algorithm", "guided-gcn")
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
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


def test_five_hundred_thousand_seconds_train_about_as_many_models_as_the_notebook(
    shared_data, tmp_path, capsys
):
    """The notebook charged 5e8 s for the 248 models it saw; they take about 5e5 s."""
    out = tmp_path / "out"
    table = shared_data / "nasbench101" / "sample_1k.jsonl.gz"
    arguments = ["--algorithm", "random", "--seeds", "3", "--budget", "5e5"]
    main([f"nasbench101:{table}", "--out-dir", str(out), *arguments])
    models = [int(row["unique_models"]) for row in csv.DictReader((out / "runs.csv").open())]
    assert all(230 <= count <= 300 for count in models)
