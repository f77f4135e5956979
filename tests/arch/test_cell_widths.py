import gzip
import json
from pathlib import Path

import pytest

from hat.arch.cell import CellGraph
from hat.arch.cell_widths import module_channels, nb101_macs, nb101_num_params, vertex_widths

CONV, POOL = "conv3x3-bn-relu", "maxpool3x3"


@pytest.mark.parametrize(
    ("edges", "operations", "expected"),
    [
        # Two vertices lead to the output and share it; the remainder goes to the first.
        ([(0, 1), (0, 2), (1, 3), (2, 3)], (CONV, POOL), (8, 5, 4, 9)),
        # A vertex that leads to another is as wide as that one.
        ([(0, 1), (1, 2), (2, 3)], (CONV, POOL), (8, 9, 9, 9)),
        # The edge from the input to the output takes no share.
        ([(0, 1), (1, 2), (2, 3), (0, 3)], (CONV, POOL), (8, 9, 9, 9)),
        ([(0, 1)], (), (8, 9)),
    ],
)
def test_widths(edges, operations, expected):
    count = len(operations) + 2
    adjacency = [[int((v, w) in edges) for w in range(count)] for v in range(count)]
    cell = CellGraph.from_lists(adjacency, ("input", *operations, "output"))
    assert vertex_widths(cell, 8, 9) == expected


def test_stacks_double_the_channels():
    widths = [outputs for _, outputs in module_channels()]
    assert widths == [128] * 3 + [256] * 3 + [512] * 3


def test_parameters_are_those_of_the_published_table(data: Path):
    with gzip.open(data / "nasbench101" / "sample_1k.jsonl.gz", "rt") as stream:
        rows = [json.loads(line) for line in stream]
    for row in rows:
        cell = CellGraph.from_lists(row["adjacency"], row["operations"])
        assert nb101_num_params(cell) == row["trainable_parameters"]
        assert nb101_macs(cell) > 0
