import csv
import gzip
from collections import Counter
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from hat.arch.nb201_cell import NB201_OPERATIONS, Nb201Cell, parse_nb201, sample_nb201
from hat.errors import ConfigError

TEXT = "|nor_conv_3x3~0|+|nor_conv_1x1~0|avg_pool_3x3~1|+|skip_connect~0|none~1|nor_conv_3x3~2|"


def test_the_string_survives_a_round_trip(rng):
    assert str(parse_nb201(TEXT)) == TEXT
    for _ in range(100):
        cell = sample_nb201(rng)
        assert parse_nb201(str(cell)) == cell


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"node_0": {}}', "here: .* is no cell of NAS-Bench-201, which look like"),
        ("|none~0|+|none~0|none~1|", "is no cell of NAS-Bench-201"),
        (TEXT.replace("none~1", "none~0"), "edge 2 of node 3 must look like operation~1, but"),
        (TEXT.replace("|none~1", ""), "here: node 3 needs 3 edges, one from each earlier node"),
        (TEXT.replace("none", "nune"), "here: unknown NAS-Bench-201 .* 'nune'; did you mean"),
        (TEXT.replace("none", "sep_7x7"), "unknown .* 'sep_7x7'; known are none, skip_connect"),
    ],
)
def test_a_malformed_string_is_one_clear_sentence(text, message):
    with pytest.raises(ConfigError, match=message):
        parse_nb201(text, "here")


def test_equal_functions_have_equal_expressions():
    def through(first: str, second: str, direct: str = "none") -> Nb201Cell:
        """One path through node 1 to the output and one edge from input to output."""
        return Nb201Cell((first, "none", "none", direct, second, "none"))

    moved = Nb201Cell(("none", "nor_conv_3x3", "none", "none", "none", "avg_pool_3x3"))
    assert through("nor_conv_3x3", "avg_pool_3x3").expression == moved.expression
    assert through("skip_connect", "nor_conv_1x1").expression == (
        "nor_conv_1x1",
        ("input",),
    )
    assert through("none", "nor_conv_3x3").expression is None
    twice = through("skip_connect", "skip_connect", direct="skip_connect").expression
    assert twice == ("sum", ("input",), ("input",))
    dead_edge = Nb201Cell(("nor_conv_3x3", "none", "none", "skip_connect", "none", "none"))
    assert dead_edge.expression == ("input",)


def test_neighbours_differ_in_one_operation(rng):
    cell = sample_nb201(rng)
    neighbours = list(cell.neighbours())
    assert len(set(neighbours)) == len(neighbours) == 6 * (len(NB201_OPERATIONS) - 1)
    for other in neighbours:
        changed = [a != b for a, b in zip(cell.operations, other.operations, strict=True)]
        assert sum(changed) == 1


def test_sampling_is_uniform_and_seeded():
    rng = np.random.default_rng(3)
    counts = Counter(op for _ in range(2000) for op in sample_nb201(rng).operations)
    assert all(abs(count - 2400) < 200 for count in counts.values())
    draws = [sample_nb201(np.random.default_rng(seed)) for seed in (3, 3, 4)]
    assert draws[0] == draws[1] != draws[2]


def test_a_published_table(data: Path):
    path = data / "nasbench201" / "nasbench201.csv.gz"
    with gzip.open(path, "rt") as stream:
        rows = list(csv.DictReader(stream))
    cells = [parse_nb201(row["arch"]) for row in rows]
    assert len(set(cells)) == len(rows)
    for cell, row in zip(cells, rows, strict=True):
        assert str(cell) == row["arch"]
        # The table's networks end in one output.
        assert cell.num_params(num_classes=1) == int(row["num_params"])
        # The cells that the authors could not score are those that stop a tiny signal.
        assert cell.has_linear_path == bool(row["epsinas_cifar10_reference"])


def test_the_whole_space():
    cells = [Nb201Cell(choice) for choice in product(NB201_OPERATIONS, repeat=6)]
    assert len(set(cells)) == 15625
    assert len({cell.expression for cell in cells}) == 4930
    assert sum(not cell.is_connected for cell in cells) == 341
