"""NAS-Bench-201 as the CSV table that hat reads, for a random part of its cells."""

from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import torch

from hat.arch.nb201_cell import NB201_OPERATIONS, Nb201Cell
from hat.models.cells.nb201 import Nb201Network
from tests.data.make.files import write_lines

COUNT = 240


def make(folder: Path) -> None:
    rng = np.random.default_rng(201)
    everything = list(product(NB201_OPERATIONS, repeat=6))
    chosen = [everything[index] for index in rng.permutation(len(everything))[: COUNT - 2]]
    # One that lets nothing through and one without any edge shall be among them.
    chosen += [("none",) * 6, ("nor_conv_3x3",) * 3 + ("none",) * 3]
    lines = ["index,arch,cifar10_test_accuracy,cifar100_test_accuracy,num_params,"
             "epsinas_cifar10_reference"]  # fmt: skip
    for index, operations in enumerate(chosen):
        convolutions = sum(operation.startswith("nor_conv") for operation in operations)
        accuracy = 60 + 5 * convolutions + rng.normal(0, 2)
        params = _count_params(tuple(sorted(operations)))
        # Under a tiny weight a convolution passes nothing on.
        score = f"{rng.uniform(0.1, 0.9):.6f}" if _passes(operations) else ""
        lines.append(
            f"{index},{_string(operations)},{accuracy:.4f},{accuracy - 25:.4f},{params},{score}"
        )
    write_lines(folder / "nasbench201" / "nasbench201.csv.gz", lines)


@cache
def _count_params(operations: tuple[str, ...]) -> int:
    """Those of a network that is built; on which edge an operation stands does not matter."""
    with torch.device("meta"):
        network = Nb201Network(Nb201Cell(operations), num_classes=1)
    return sum(parameter.numel() for parameter in network.parameters())


def _string(operations: tuple[str, ...]) -> str:
    a, b, c, d, e, f = operations
    return f"|{a}~0|+|{b}~0|{c}~1|+|{d}~0|{e}~1|{f}~2|"


def _passes(operations: tuple[str, ...]) -> bool:
    """Whether skips and poolings alone lead from node 0 to node 3."""
    a, b, c, d, e, f = (name in ("skip_connect", "avg_pool_3x3") for name in operations)
    return d or (a and e) or (f and (b or (a and c)))
