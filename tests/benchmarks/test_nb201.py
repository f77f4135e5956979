"""A table of NAS-Bench-201: what its columns may be, and what its rows may say."""

import numpy as np
import pytest

from hat.benchmarks.load import load_benchmark
from hat.errors import DataError
from tests.data.make.nasbench201_files import ARCHS

CELL, OTHER = ARCHS[:2]
HEAD = "index,arch,cifar10_test_accuracy,num_params"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{HEAD}\n0,{CELL},91,5\n1,{CELL},92,5\n", r"t.csv:3: the cell .* stands at .*:2 already"),
        (f"{HEAD}\n0,{CELL},91,5\n0,{OTHER},9,5\n", r"t.csv:3: the index '0' stands at .*:2 alrea"),
        (f"{HEAD}\n0.5,{CELL},91,5\n", r"t.csv:2: index must be a whole number, not negative, but"),
        (
            f"{HEAD}\n0,{CELL},101,5\n",
            r"t.csv:2: cifar10_test_accuracy must be percent .* found 101",
        ),
        (f"{HEAD}\n0,{CELL},-1,5\n", r"t.csv:2: cifar10_test_accuracy must be percent .* found -1"),
        (
            f"{HEAD}\n0,{CELL},inf,5\n",
            r"t.csv:2: cifar10_test_accuracy must be a number, but found 'inf'",
        ),
        (f"{HEAD}\n0,{CELL},9x,5\n", r"t.csv:2: cifar10_test_accuracy must be a number, but found"),
        (
            f"{HEAD}\n0,{CELL},0.91,5\n1,{OTHER},0.1,5\n",
            r"none is above 0.91: they look like fract",
        ),
        (f"{HEAD}\n0,{CELL},91,0\n", r"t.csv:2: num_params must be a whole number above 0, but"),
        (f"{HEAD}\n0,{CELL},91,5.5\n", r"t.csv:2: num_params must be a whole number above 0, but"),
        (f"arch,bleu\n{CELL},91\n", r"has no column of NAS-Bench-201's values, such as"),
        (f"Arch,bleu\n{CELL},91\n", r"has no column 'arch'; did you mean 'Arch'"),
        (
            f"arch,cifar10_test_accuracy,cifar10_test_accuracy@200:777\n{CELL},91,91\n",
            "cifar10_test_accuracy must stand in one column, or in one for each run, but found",
        ),
        (
            f"arch,cifar10_training_time@12:777\n{CELL},-3\n",
            "t.csv:2: cifar10_training_time@12:777 must be finite seconds, not negative, but",
        ),
    ],
)
def test_rows_that_cannot_be(text, message, tmp_path):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        load_benchmark(f"nasbench201:{tmp_path}/t.csv")


def test_means_and_runs_in_one_table(tmp_path):
    (tmp_path / "t.csv").write_text(
        "arch,cifar10_test_accuracy,cifar100_test_accuracy@12:1,cifar100_test_accuracy@200:2\n"
        f"{CELL},90,50,70\n{OTHER},10,,1\n"
    )
    table = load_benchmark(f"nasbench201:{tmp_path}/t.csv")
    assert (table.epochs, table.seeds) == ((12, 200), (1, 2))
    assert table.query(CELL, "cifar10_test_accuracy", seed=2) == 0.9
    assert table.query(CELL, "cifar100_test_accuracy", epochs=12) == 0.5
    assert table.query(CELL, "cifar100_test_accuracy") == 0.7
    assert np.isnan(table.query(OTHER, "cifar100_test_accuracy", epochs=12))
    with pytest.raises(DataError, match=r"cifar10_test_accuracy is not known after 12 epochs"):
        table.query(CELL, "cifar10_test_accuracy", epochs=12)
