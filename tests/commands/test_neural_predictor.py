import json

import pytest

from hat.arch.cell import CellGraph
from hat.benchmarks.load import load_benchmark
from hat.commands import neural_predictor as stage
from hat.models.gcn_training import PredictorSettings


@pytest.fixture
def small(shared_data, tmp_path, monkeypatch):
    """250 cells of NAS-Bench-101 and a network that trains in no time."""
    table = load_benchmark(f"nasbench101:{shared_data}/nasbench101/sample_1k.jsonl.gz")
    path = tmp_path / "small.jsonl"
    with open(path, "w") as stream:
        for id in table.ids()[::4]:
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
    quick = PredictorSettings(members=2, epochs=20, gcn_dim=16, hidden_dim=8, min_steps=60)
    make = stage.make_predictor
    monkeypatch.setattr(
        stage, "make_predictor", lambda *a, **k: make(*a, **{**k, "settings": quick})
    )
    return f"nasbench101:{path}"


def last_line(capsys):
    return json.loads(capsys.readouterr().out.splitlines()[-1])


@pytest.mark.stage
def test_rank(small, tmp_path, capsys):
    stage.main(["rank", small, "--train-split", "100", "--plot", str(tmp_path / "p.png")])
    result = last_line(capsys)
    assert result["kendall"] > 0.3
    assert result["mse_unit"] == "percent squared"
    assert "train:100|eval:all" in result["signature"]
    assert (tmp_path / "p.png").stat().st_size > 1000
    stage.main(["rank", small, "--train-split", "100", "--classifier", "0.3"])
    assert -1 <= last_line(capsys)["kendall"] <= 1


@pytest.mark.stage
def test_cross_validate(small, capsys):
    stage.main(["cross-validate", small, "--train-split", "120", "--folds", "2"])
    result = last_line(capsys)
    assert result["best"] in result["kendall"]
    assert "classifier 0.2" in result["kendall"]


@pytest.mark.stage
def test_select(small, capsys):
    stage.main(["select", small, "--num-train", "40", "--num-verified", "10"])
    result = last_line(capsys)
    assert result["validation_accuracy"] > 0.9
    assert 30_000 < result["spent"] < 200_000
    assert result["spent_unit"] == "s of simulated training"


@pytest.mark.stage
@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["rank", "--train-split", "denoise91"], "there is no split 'denoise91'; did you mean"),
        (["rank", "--train-split", "all"], "nothing is left to judge: split all holds no"),
        (["rank", "--metric", "accuracy"], "there is no metric 'accuracy'"),
        (["select", "--num-train", "300"], "cannot train on 300 and measure 50 more of 250"),
        (["cross-validate", "--train-split", "8"], "cross-validation in 5 folds needs at least 2"),
    ],
)
def test_errors(argv, message, small, capsys):
    with pytest.raises(SystemExit) as exit:
        stage.main([argv[0], small, *argv[1:]])
    assert exit.value.code == 2
    assert message in capsys.readouterr().err
