"""Every benchmark keeps the promises of the interface; then what is special about each."""

import numpy as np
import pytest

from hat.arch.cell import CellGraph
from hat.arch.config import SubTransformerConfig
from hat.arch.nb201_cell import Nb201Cell
from hat.arch.recipe import Recipe
from hat.benchmarks import nb_nlp
from hat.benchmarks.csv_table import load_csv, parse_architecture
from hat.benchmarks.load import load_benchmark
from hat.errors import ConfigError, DataError
from tests.conftest import MADE_DATA

CELL = "|none~0|+|none~0|none~1|+|skip_connect~0|none~1|nor_conv_3x3~2|"
OTHER = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"


@pytest.mark.parametrize(
    ("name", "kind", "made_size", "real_size", "metric"),
    [
        ("nasbench101:nasbench101/sample_1k.jsonl.gz", CellGraph, 250, 1000, "validation_accuracy"),
        (
            "nasbench201:nasbench201/nasbench201.csv.gz",
            Nb201Cell,
            240,
            15625,
            "cifar10_test_accuracy",
        ),
        ("nasbench-nlp:nasbench_nlp/recepie_loss_pairs.json", Recipe, 9, 200, "wt2_best_test_loss"),
        (
            "csv:llmas/seed_arch_bleu.wmt14ende.csv",
            SubTransformerConfig,
            24,
            30,
            "scratch_test_BLEU",
        ),
    ],
)
def test_conformance(name, kind, made_size, real_size, metric, data):
    size = made_size if data == MADE_DATA else real_size
    scheme, path = name.split(":")
    table = load_benchmark(f"{scheme}:{data / path}")
    ids = table.ids()
    assert len(ids) == size == len(set(ids))
    assert list(ids) == sorted(ids)
    assert metric in table.metrics
    for id in ids[:: max(1, size // 50)]:
        arch = table.arch(id)
        assert isinstance(arch, kind)
        assert table.arch(table.id_of(arch)) == arch
        assert isinstance(table.query(id, metric), float)
    column = table.column(metric)
    assert column.shape == (size,)
    assert column[7] == table.query(ids[7], metric)
    if table.metrics[metric].unit == "fraction":
        assert 0 < column.min() < column.max() < 1
    with pytest.raises(DataError, match="there is no metric 'accuracyy'"):
        table.query(ids[0], "accuracyy")
    with pytest.raises(DataError, match="the table holds no architecture 'nobody'"):
        table.arch("nobody")


def test_nasbench_nlp_logs(data):
    folder = data / "nasbench_nlp"
    table = nb_nlp.load(folder / "recepie_loss_pairs.json", folder / "logs_wikitext2.zip")
    best = table.column("wt2_best_test_loss")
    curves = np.array([table.column("wt2_test_loss", epochs=e) for e in table.epochs])
    assert np.allclose(np.nanmin(curves, axis=0), best, atol=0)
    assert np.isnan(curves[-1]).sum() == 1  # one training ended in nan
    times = [table.query(table.ids()[0], "training_time", epochs=e) for e in (1, 2, 50)]
    assert times == sorted(times)
    assert 100 < times[0] < 1000


def table_of(tmp_path, text):
    (tmp_path / "t.csv").write_text(text)
    return tmp_path / "t.csv"


def test_csv(tmp_path):
    table = load_csv(
        table_of(tmp_path, f"arch,bleu,test_loss,who\n{CELL},3.5,1e-2,me\n{OTHER},,2,x\n")
    )
    assert table.name == "t"
    assert table.ids() == ("0000", "0001")
    assert {name: m.higher_is_better for name, m in table.metrics.items()} == {
        "bleu": True,
        "test_loss": False,
    }
    assert str(table.arch("0000")) == CELL
    assert table.id_of(parse_architecture(OTHER, "")) == "0001"
    assert table.query("0000", "bleu") == 3.5
    assert np.isnan(table.query("0001", "bleu"))
    assert table.query("0000", "test_loss") == 0.01


@pytest.mark.parametrize("missing", ["", "nan", "NaN", "null", "None", "NA", "n/a", " "])
def test_a_number_may_be_missing(missing, tmp_path):
    table = load_csv(table_of(tmp_path, f"arch,bleu\n{CELL},3.5\n{OTHER},{missing}\n"))
    np.testing.assert_array_equal(table.column("bleu"), [3.5, np.nan])


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("", DataError, r"t.csv: is empty; expected a first line that names the columns"),
        ("arch,bleu\n", DataError, r"t.csv: the table holds no architectures"),
        (f"Arch,bleu\n{CELL},1\n", DataError, r"has no column 'arch'; did you mean 'Arch'"),
        (f"arch,bleu\n{CELL}\n", DataError, r"t.csv:2: expected 2 fields, but found fewer"),
        (f"arch,bleu\n{CELL},1,2\n", DataError, r"t.csv:2: expected 2 fields, but found more"),
        ("arch,bleu\n|none~0|,1\n", ConfigError, r"t.csv:2: .* is no cell of NAS-Bench-201"),
        ("arch,bleu\nhello,1\n", ConfigError, r"t.csv:2: an architecture is a NAS-Bench-201 st"),
        ("arch,bleu\n[1],1\n", ConfigError, r"t.csv:2: expected a JSON object, but found"),
        ("arch,bleu\n{},1\n", ConfigError, r"t.csv:2: encoder-layer-num of the SubTransformer is"),
    ],
)
def test_bad_csv(text, error, message, tmp_path):
    with pytest.raises(error, match=message):
        load_csv(table_of(tmp_path, text))


def test_csv_that_is_no_number(tmp_path):
    from hat.benchmarks.base import Metric

    path = table_of(tmp_path, f"arch,bleu\n{CELL},high\n")
    with pytest.raises(DataError, match=r"t.csv:2: bleu must be a number, but found 'high'"):
        load_csv(path, metrics={"bleu": Metric("BLEU", higher_is_better=True)})


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nasbench102:x", "a benchmark is named KIND:PATH .* did you mean 'nasbench101'"),
        ("nasbench101", "a benchmark is named KIND:PATH .* but found 'nasbench101'"),
    ],
)
def test_benchmark_names(name, message):
    with pytest.raises(ConfigError, match=message):
        load_benchmark(name)
