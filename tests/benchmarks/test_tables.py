"""Every benchmark keeps the promises of the interface; then what is special about each."""

import json
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest
from scipy.stats import spearmanr

from hat.arch.cell import CellGraph
from hat.arch.config import SubTransformerConfig
from hat.arch.nb201_cell import Nb201Cell
from hat.arch.recipe import Recipe
from hat.benchmarks.base import TableSettings
from hat.benchmarks.csv_table import CsvSettings, CsvTable, parse_architecture
from hat.benchmarks.load import BENCHMARKS, load_benchmark
from hat.benchmarks.nb_nlp import NasBenchNlp, NlpSettings
from hat.conditions import file_digest
from hat.errors import ConfigError, DataError, HatError
from tests.conftest import MADE_DATA

CELL = "|none~0|+|none~0|none~1|+|skip_connect~0|none~1|nor_conv_3x3~2|"
OTHER = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"


@dataclass(frozen=True)
class Example:
    """A file of each kind in the folders of data, and what is in it."""

    file: str
    kind: type
    metric: str
    made: int
    """How many architectures our own file has."""

    real: int
    """How many the published one has."""


EXAMPLES = {
    "nasbench101": Example(
        "nasbench101/sample_1k.jsonl.gz", CellGraph, "validation_accuracy", 250, 1000
    ),
    "nasbench201": Example(
        "nasbench201/nasbench201.csv.gz", Nb201Cell, "cifar10_test_accuracy", 240, 15625
    ),
    "nasbench-nlp": Example(
        "nasbench_nlp/recepie_loss_pairs.json", Recipe, "wt2_best_test_loss", 9, 200
    ),
    "csv": Example(
        "llmas/seed_arch_bleu.wmt14ende.csv", SubTransformerConfig, "scratch_test_BLEU", 24, 30
    ),
}


@pytest.mark.parametrize("name", BENCHMARKS.names())
def test_conformance(name, data):
    example = EXAMPLES[name]
    part = BENCHMARKS.load(name)
    assert issubclass(part.Settings, TableSettings)
    table = part.build(part.Settings(path=data / example.file))
    size, metric = example.made if data == MADE_DATA else example.real, example.metric
    ids = table.ids()
    assert len(ids) == size == len(set(ids))
    assert list(ids) == sorted(ids)
    assert metric in table.metrics
    for id in ids[:: max(1, size // 50)]:
        arch = table.arch(id)
        assert isinstance(arch, example.kind)
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


@pytest.mark.parametrize("metric", ["cifar100_test_accuracy", "epsinas_cifar10_reference"])
def test_what_rises_with_accuracy_is_better_when_it_is_higher(metric, shared_data):
    table = load_benchmark(f"nasbench201:{shared_data}/nasbench201/nasbench201.csv.gz")
    accuracy, other = table.column("cifar10_test_accuracy"), table.column(metric)
    known = np.isfinite(other)
    assert spearmanr(accuracy[known], other[known]).statistic > 0.5
    assert table.metrics[metric].higher_is_better


@pytest.mark.parametrize("name", BENCHMARKS.names())
def test_a_file_counts_by_its_content(name, tmp_path):
    path = MADE_DATA / EXAMPLES[name].file
    signature = load_benchmark(f"{name}:{path}").signature()
    assert signature["data"] == file_digest(path)
    copy = tmp_path / f"copy.{path.name}"
    copy.write_bytes(path.read_bytes())
    assert load_benchmark(f"{name}:{copy}").signature() == signature
    with pytest.raises(HatError, match=r"nothing\.x: cannot be read"):
        load_benchmark(f"{name}:{tmp_path}/nothing.x")


def test_listing_the_kinds_imports_none_of_them():
    code = (
        "import sys\n"
        "from hat.benchmarks.load import BENCHMARKS\n"
        "assert 'csv' in BENCHMARKS.names()\n"
        "assert 'h5py' not in sys.modules and 'hat.arch.cell' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_another_package_adds_a_kind(tmp_path, monkeypatch):
    (tmp_path / "mint.py").write_text(COINS)
    about = tmp_path / "coins-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: coins\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[hat.benchmarks]\ncoins = mint:Coins\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "purse.txt").write_text("penny 1\ncrown 60\n")
    table = load_benchmark(f"coins:{tmp_path}/purse.txt")
    assert table.query("crown", "worth") == 60.0
    assert table.signature()["data"] == file_digest(tmp_path / "purse.txt")


COINS = """
import numpy as np

from hat.benchmarks.base import Metric, TableBenchmark


class Coins(TableBenchmark):
    @classmethod
    def build(cls, settings):
        rows = dict(line.split() for line in settings.path.read_text().splitlines())
        return cls(
            name="coins",
            ids=list(rows),
            arch_at=list(rows).__getitem__,
            metrics={"worth": Metric("d", higher_is_better=True)},
            values={"worth": np.array([float(worth) for worth in rows.values()])},
            files=[settings.path],
        )
"""


def test_nasbench_nlp_logs(data):
    folder = data / "nasbench_nlp"
    recipes, logs = folder / "recepie_loss_pairs.json", folder / "logs_wikitext2.zip"
    table = NasBenchNlp.build(NlpSettings(path=recipes, logs=logs))
    assert table.signature() != NasBenchNlp.build(NlpSettings(path=recipes)).signature()
    best = table.column("wt2_best_test_loss")
    curves = np.array([table.column("wt2_test_loss", epochs=e) for e in table.epochs])
    assert np.allclose(np.nanmin(curves, axis=0), best, atol=0)
    assert np.isnan(curves[-1]).sum() == 1  # one training ended in nan
    times = [table.query(table.ids()[0], "training_time", epochs=e) for e in (1, 2, 50)]
    assert times == sorted(times)
    assert 100 < times[0] < 1000


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("wt2_best_test_loss", -0.1, "must be a finite loss, not negative, but found -0.1"),
        ("ptb_test_loss", float("inf"), "must be a finite loss, not negative, but found inf"),
        ("wt2_num_params", 0, "must be a whole number above 0, but found 0"),
        ("wt2_num_params", 1.5, "must be a whole number above 0, but found 1.5"),
        ("wt2_num_params", "9", "must be a number or null, but found '9'"),
        ("ptb_test_loss", True, "must be a number or null, but found True"),
        ("ptb_test_loss", ..., "has no 'ptb_test_loss'"),
    ],
)
def test_recipes_that_cannot_be(name, value, message, tmp_path):
    entries = json.loads((MADE_DATA / "nasbench_nlp" / "recepie_loss_pairs.json").read_text())
    entries[2][name] = value
    if value is ...:
        del entries[2][name]
    (tmp_path / "x.json").write_text(json.dumps(entries))
    place = rf"x.json: recipe {entries[2]['recepie_id']} \(entry 2\): "
    with pytest.raises(DataError, match=rf"{place}('?{name}'? )?{message}"):
        load_benchmark(f"nasbench-nlp:{tmp_path}/x.json")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows.append(dict(rows[1])), "recipe .* stands at entry 1 already"),
        (lambda rows: rows.append(5), "expected a recipe with its losses, but found 5"),
        (lambda rows: rows.append({**rows[0], "recepie_id": None}), "'recepie_id' must be a wh"),
    ],
)
def test_recipes_are_known_by_their_identifiers(change, message, tmp_path):
    rows = json.loads((MADE_DATA / "nasbench_nlp" / "recepie_loss_pairs.json").read_text())[:3]
    change(rows)
    (tmp_path / "x.json").write_text("\ufeff" + json.dumps(rows), encoding="utf-8")
    with pytest.raises(DataError, match=f"x.json: entry 3: {message}"):
        load_benchmark(f"nasbench-nlp:{tmp_path}/x.json")


def test_a_name_of_a_line_stands_once(tmp_path):
    path = table_of(tmp_path, f"id,arch,bleu\na,{CELL},1\nb,{OTHER},2\na,{OTHER},3\n")
    with pytest.raises(DataError, match=r"t.csv:4: the id 'a' stands at .*t.csv:2 already"):
        load(path, id_column="id")


def table_of(tmp_path, text):
    (tmp_path / "t.csv").write_text(text)
    return tmp_path / "t.csv"


def load(path, *, id_column=None, **options):
    return CsvTable.build(CsvSettings(path=path, id_column=id_column), **options)


def test_csv(tmp_path):
    table = load(table_of(tmp_path, f"arch,bleu,test_loss,who\n{CELL},3.5,1e-2,me\n{OTHER},,2,x\n"))
    assert table.groups("who") == {"me": ["0000"], "x": ["0001"]}
    assert table.groups("task") == {"t": ["0000", "0001"]}
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
    np.testing.assert_array_equal(table.column("test_loss", ["0001", "0000"]), [2, 0.01])


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path):
    (tmp_path / "t.csv").write_text(f"task,arch,bleu\na,{CELL},1\n", encoding="utf-8-sig")
    assert load(tmp_path / "t.csv").groups("task") == {"a": ["0000"]}


@pytest.mark.parametrize("missing", ["", "nan", "NaN", "null", "None", "NA", "n/a", " "])
def test_a_number_may_be_missing(missing, tmp_path):
    table = load(table_of(tmp_path, f"arch,bleu\n{CELL},3.5\n{OTHER},{missing}\n"))
    np.testing.assert_array_equal(table.column("bleu"), [3.5, np.nan])


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("", DataError, r"t.csv: is empty; expected a first line that names the columns"),
        ("arch,bleu\n", DataError, r"t.csv: the table holds no architectures"),
        (f"Arch,bleu\n{CELL},1\n", DataError, r"has no column 'arch'; did you mean 'Arch'"),
        (
            f"arch,bleu\n{CELL}\n",
            DataError,
            r"t.csv:2: expected 2 fields as in the first line, but found 1",
        ),
        (
            f"arch,bleu\n{CELL},1,2\n",
            DataError,
            r"t.csv:2: expected 2 fields as in the first line, but found 3",
        ),
        ("arch,bleu\n|none~0|,1\n", ConfigError, r"t.csv:2: .* is no cell of NAS-Bench-201"),
        ("arch,bleu\nhello,1\n", ConfigError, r"t.csv:2: an architecture is a NAS-Bench-201 st"),
        (
            "arch,bleu\n[1],1\n",
            ConfigError,
            r"t.csv:2: an architecture is a NAS-Bench-201 string or a JSON object",
        ),
        (
            "arch,bleu\n{},1\n",
            ConfigError,
            r"t.csv:2: no SubTransformer is described: expected encoder-layer-num-subtransformer",
        ),
    ],
)
def test_bad_csv(text, error, message, tmp_path):
    with pytest.raises(error, match=message):
        load(table_of(tmp_path, text))


def test_csv_that_is_no_number(tmp_path):
    from hat.benchmarks.base import Metric

    path = table_of(tmp_path, f"arch,bleu\n{CELL},high\n")
    with pytest.raises(DataError, match=r"t.csv:2: bleu must be a number, but found 'high'"):
        load(path, metrics={"bleu": Metric("BLEU", higher_is_better=True)})


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
