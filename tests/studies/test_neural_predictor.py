import json
import subprocess
import sys

import pytest

from hat.arch.cell import CellGraph
from hat.benchmarks.load import load_benchmark
from hat.conditions import file_digest
from hat.errors import HatError
from hat.models.gcn_training import PredictorSettings
from hat.studies import neural_predictor as study
from hat.studies.neural_predictor import CrossValidateSettings, RankSettings, SelectSettings
from tests.conftest import MADE_DATA


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """Networks that train in no time."""
    quick = PredictorSettings(members=2, epochs=20, gcn_dim=16, hidden_dim=8, min_steps=60)
    make = study.make_predictor
    monkeypatch.setattr(
        study, "make_predictor", lambda *a, **k: make(*a, **{**k, "settings": quick})
    )


def small_table(folder, tmp_path):
    """250 of the cells of NAS-Bench-101 in a folder."""
    table = load_benchmark(f"nasbench101:{folder}/nasbench101/sample_1k.jsonl.gz")
    path = tmp_path / "small.jsonl"
    with open(path, "w") as stream:
        for id in table.ids()[:: len(table) // 250]:
            cell: CellGraph = table.arch(id)
            row = {
                "hash": id,
                "adjacency": cell.adjacency,
                "operations": cell.operations,
                "trainable_parameters": 1,
                "training_time": table.query(id, "training_time"),
                "validation_accuracy": {"108": table.query(id, "validation_accuracy")},
            }
            stream.write(json.dumps(row) + "\n")
    return load_benchmark(f"nasbench101:{path}")


@pytest.fixture
def small(tmp_path):
    return small_table(MADE_DATA, tmp_path)


def test_rank(data, tmp_path):
    small = small_table(data, tmp_path)
    plot = tmp_path / "p.png"
    result = study.rank(small, RankSettings(train_split="100", plot=plot))
    assert result["kendall"] > 0.3
    assert result["mse_unit"] == "percent squared"
    assert "train:100|eval:all" in result["signature"]
    assert f"|data:{file_digest(tmp_path / 'small.jsonl')}|" in result["signature"]
    assert result["plot"] == str(plot) and plot.stat().st_size > 1000
    result = study.rank(small, RankSettings(train_split="100", classifier=0.3))
    assert -1 <= result["kendall"] <= 1


def test_cross_validate(small):
    result = study.compare_settings(small, CrossValidateSettings(train_split="120", folds=2))
    assert result["best"] in result["kendall"]
    assert "classifier 0.2" in result["kendall"]


def test_select(small):
    result = study.select_best(small, SelectSettings(num_train=40, num_verified=10))
    assert result["validation_accuracy"] > 0.9
    assert 30_000 < result["spent"] < 200_000
    assert result["spent_unit"] == "s of simulated training"


@pytest.mark.parametrize(
    ("run", "settings", "message"),
    [
        (study.rank, RankSettings(train_split="denoise91"), "there is no split 'denoise91'; did"),
        (study.rank, RankSettings(train_split="all"), "nothing is left to judge: split all holds"),
        (study.rank, RankSettings(metric="accuracy"), "there is no metric 'accuracy'"),
        (study.select_best, SelectSettings(num_train=300), "cannot train on 300 and measure 50"),
        (study.compare_settings, CrossValidateSettings(train_split="8"), "in 5 folds needs at"),
    ],
)
def test_errors(run, settings, message, small):
    with pytest.raises(HatError, match=message):
        run(small, settings)


def test_help_does_not_wait_for_torch():
    code = "import sys, hat.commands.neural_predictor as c; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
